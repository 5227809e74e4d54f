// SPDX-License-Identifier: GPL-3.0-or-later
#include "shell/model_exporter.h"

#include <algorithm>
#include <exception>

#include "base/thread_priority.h"

namespace quantscope {
namespace {

Result<ModelExportSummary> guarded(const ModelExporter::Work& work, const LanguageModelExport& request,
                                   const Job& job) {
    try {
        return work(request, job);
    } catch (const std::exception& exception) {
        return fail(Error{ErrorKind::Internal, exception.what(), request.target.string(), {}, {}});
    }
}

}  // namespace

ModelExporter::ModelExporter(Work work, QObject* parent) : QObject(parent), m_work(std::move(work)) {
    m_pool.setMaxThreadCount(1);
    m_pool.setExpiryTimeout(-1);
}

ModelExporter::~ModelExporter() {
    m_stop.request_stop();
    m_pool.waitForDone();
}

bool ModelExporter::start(const LanguageModelExport& request) {
    if (m_running) return false;
    m_running = true;
    m_stop = std::stop_source();
    m_since.start();
    Q_EMIT workChanged({true, 0, 0, tr("exporting")});
    m_pool.start([this, request, stop = m_stop.get_token()] {
        setPriorityOfCaller(ThreadPriority::Background);
        const Job job(stop, [this](const Progress& progress) {
            QMetaObject::invokeMethod(
                this, [this, progress] { showProgress(progress); }, Qt::QueuedConnection);
        });
        const auto result = std::make_shared<const Result<ModelExportSummary>>(guarded(m_work, request, job));
        QMetaObject::invokeMethod(
            this, [this, request, result] { finish(request, *result); }, Qt::QueuedConnection);
    });
    return true;
}

void ModelExporter::cancel() {
    m_stop.request_stop();
}

void ModelExporter::showProgress(const Progress& progress) {
    if (!m_running) return;
    const double spent = static_cast<double>(m_since.elapsed()) / 1000;
    const double left = progress.fraction > 0.02 ? spent * (1 - progress.fraction) / progress.fraction : 0;
    const QString stage = QString::fromStdString(progress.stage);
    Q_EMIT workChanged(
        {true, progress.fraction, left, stage.isEmpty() ? tr("exporting") : tr("exporting: %1").arg(stage)});
}

void ModelExporter::finish(const LanguageModelExport& request, const Result<ModelExportSummary>& result) {
    m_running = false;
    Q_EMIT workChanged({});
    if (result) {
        Q_EMIT exported(request, *result);
    } else if (result.error().kind != ErrorKind::Cancelled) {
        Q_EMIT failed(result.error());
    }
}

}  // namespace quantscope
