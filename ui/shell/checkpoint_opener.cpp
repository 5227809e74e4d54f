// SPDX-License-Identifier: GPL-3.0-or-later
#include "shell/checkpoint_opener.h"

#include <algorithm>

#include "base/out_of_memory.h"

namespace quantscope {
namespace {

Result<OpenedCheckpoint> openNow(SourceLibrary& sources, const std::string& path) {
    try {
        auto checkpoint = sources.checkpoint(path);
        if (!checkpoint) return fail(inFile(checkpoint.error(), path));
        OpenedCheckpoint opened{path, *checkpoint, {}};
        const auto model = sources.model(path);
        constexpr size_t kManyTensors = 16;
        if (!model && opened.checkpoint->tensors().size() >= kManyTensors) opened.notAModel = model.error();
        if (model) {
            const auto linears = (*model)->linears();
            std::copy_if(linears.begin(), linears.end(), std::back_inserter(opened.layers),
                         [](const LinearInfo& layer) { return layer.block >= 0; });
        }
        return opened;
    } catch (...) {
        return fail(inFile(errorOfException(), path));
    }
}

}  // namespace

CheckpointOpener::CheckpointOpener(SourceLibrary& sources, QObject* parent)
    : QObject(parent), m_sources(sources) {}

CheckpointOpener::~CheckpointOpener() = default;

void CheckpointOpener::open(const std::string& path, int purpose) {
    ++m_pending;
    const auto result = std::make_shared<Result<OpenedCheckpoint>>();
    m_queue.add([this, path, purpose, result] {
        *result = openNow(m_sources, path);
        QMetaObject::invokeMethod(
            this, [this, result, purpose] { deliver(*result, purpose); }, Qt::QueuedConnection);
    });
}

void CheckpointOpener::deliver(const Result<OpenedCheckpoint>& result, int purpose) {
    --m_pending;
    if (result) {
        Q_EMIT opened(*result, purpose);
    } else {
        Q_EMIT failed(result.error());
    }
}

}  // namespace quantscope
