// SPDX-License-Identifier: GPL-3.0-or-later
#include "shell/model_exporter.h"

namespace quantscope {

ModelExporter::ModelExporter(Work work, QObject* parent) : QObject(parent), m_work(std::move(work)) {
    connect(&m_job, &BackgroundJob::workChanged, this, &ModelExporter::workChanged);
}

bool ModelExporter::start(const LanguageModelExport& request) {
    return m_job.start<ModelExportSummary>(
        tr("exporting"), request.target.string(),
        [this, request](const Job& job) { return m_work(request, job); },
        [this, request](const Result<ModelExportSummary>& result) { finish(request, result); });
}

void ModelExporter::finish(const LanguageModelExport& request, const Result<ModelExportSummary>& result) {
    if (result) {
        Q_EMIT exported(request, *result);
    } else if (result.error().kind != ErrorKind::Cancelled) {
        Q_EMIT failed(result.error());
    }
}

}  // namespace quantscope
