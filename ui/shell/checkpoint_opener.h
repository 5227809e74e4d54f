// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QObject>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "app/experiment/source_library.h"
#include "base/work_queue.h"

namespace quantscope {

/// An open checkpoint and what it means to the labs.
struct OpenedCheckpoint {
    std::string path;
    std::shared_ptr<const Checkpoint> checkpoint;
    /// The linear layers of its blocks when it is a language model this program can run; empty otherwise.
    std::vector<LinearInfo> layers;
    /// Why something with the many tensors of a model is none that can be run: it opens as tensors only.
    std::optional<Error> notAModel = std::nullopt;
};

/// Opens checkpoints away from the GUI thread, one after the other, and reports each on it.
class CheckpointOpener : public QObject {
    Q_OBJECT
 public:
    explicit CheckpointOpener(SourceLibrary& sources, QObject* parent = nullptr);
    ~CheckpointOpener() override;

    /// `purpose` comes back with the result.
    void open(const std::string& path, int purpose);
    [[nodiscard]] int pending() const { return m_pending; }

 Q_SIGNALS:
    void opened(const quantscope::OpenedCheckpoint& opened, int purpose);
    void failed(const quantscope::Error& error);

 private:
    void deliver(const Result<OpenedCheckpoint>& result, int purpose);

    SourceLibrary& m_sources;
    int m_pending = 0;
    WorkQueue m_queue;  // last: its thread ends before anything it uses is destroyed
};

}  // namespace quantscope
