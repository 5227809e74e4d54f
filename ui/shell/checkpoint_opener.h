// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QObject>
#include <QThreadPool>
#include <memory>
#include <string>

#include "app/source_library.h"

namespace quantscope {

/// Opens checkpoints away from the GUI thread, one after the other, and reports each on it.
class CheckpointOpener : public QObject {
    Q_OBJECT
 public:
    explicit CheckpointOpener(SourceLibrary& sources, QObject* parent = nullptr);
    ~CheckpointOpener() override;

    void open(const std::string& path);
    [[nodiscard]] int pending() const { return m_pending; }

 Q_SIGNALS:
    /// `isModel`: a language model whose configuration this program understands.
    void opened(const std::string& path, const std::shared_ptr<const quantscope::Checkpoint>& checkpoint,
                const std::vector<std::string>& linearLayers);
    void failed(const std::string& path, const quantscope::Error& error);

 private:
    SourceLibrary& m_sources;
    QThreadPool m_pool;
    int m_pending = 0;
};

}  // namespace quantscope
