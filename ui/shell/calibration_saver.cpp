// SPDX-License-Identifier: GPL-3.0-or-later
#include "shell/calibration_saver.h"

namespace quantscope {

CalibrationSaver::CalibrationSaver(Work work, QObject* parent) : QObject(parent), m_work(std::move(work)) {
    connect(&m_job, &BackgroundJob::workChanged, this, &CalibrationSaver::workChanged);
}

bool CalibrationSaver::start(const CalibrationSave& request) {
    return m_job.start<void>(
        tr("saving statistics"), request.target.string(),
        [this, request](const Job& job) { return m_work(request, job); },
        [this, request](const Status& status) {
            if (status) {
                Q_EMIT saved(request);
            } else if (status.error().kind != ErrorKind::Cancelled) {
                Q_EMIT failed(status.error());
            }
        });
}

}  // namespace quantscope
