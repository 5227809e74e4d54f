// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QElapsedTimer>
#include <QObject>
#include <QThreadPool>
#include <functional>
#include <memory>
#include <stop_token>

#include "app/export_model.h"
#include "shell/session_controller.h"

namespace quantscope {

/// Writes models away from the GUI thread, one at a time, and tells how far it is. A stopped or failed export
/// leaves nothing behind.
class ModelExporter : public QObject {
    Q_OBJECT
 public:
    /// exportLanguageModel() in the program, a fake in tests. Runs on a thread of its own.
    using Work = std::function<Result<ModelExportSummary>(const LanguageModelExport&, const Job&)>;

    explicit ModelExporter(Work work, QObject* parent = nullptr);
    /// Stops a running export and waits for it.
    ~ModelExporter() override;

    /// False while another export runs: nothing is begun then.
    bool start(const LanguageModelExport& request);
    void cancel();
    [[nodiscard]] bool isRunning() const { return m_running; }

 Q_SIGNALS:
    void workChanged(const quantscope::WorkState& work);
    void exported(const quantscope::LanguageModelExport& request,
                  const quantscope::ModelExportSummary& summary);
    void failed(const quantscope::Error& error);

 private:
    void showProgress(const Progress& progress);
    void finish(const LanguageModelExport& request, const Result<ModelExportSummary>& result);

    Work m_work;
    QThreadPool m_pool;
    std::stop_source m_stop;
    QElapsedTimer m_since;
    bool m_running = false;
};

}  // namespace quantscope
