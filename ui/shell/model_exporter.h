// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QObject>
#include <functional>

#include "app/export/export_model.h"
#include "shell/background_job.h"

namespace quantscope {

/// Writes models away from the GUI thread, one at a time, and tells how far it is. A stopped or failed export
/// leaves nothing behind.
class ModelExporter : public QObject {
    Q_OBJECT
 public:
    /// exportLanguageModel() in the program, a fake in tests. Runs on a thread of its own.
    using Work = std::function<Result<ModelExportSummary>(const LanguageModelExport&, const Job&)>;

    explicit ModelExporter(Work work, QObject* parent = nullptr);

    /// False while another export runs: nothing is begun then.
    bool start(const LanguageModelExport& request);
    void cancel() { m_job.cancel(); }
    [[nodiscard]] bool isRunning() const { return m_job.isRunning(); }

 Q_SIGNALS:
    void workChanged(const quantscope::WorkState& work);
    void exported(const quantscope::LanguageModelExport& request,
                  const quantscope::ModelExportSummary& summary);
    void failed(const quantscope::Error& error);

 private:
    void finish(const LanguageModelExport& request, const Result<ModelExportSummary>& result);

    Work m_work;
    BackgroundJob m_job;
};

}  // namespace quantscope
