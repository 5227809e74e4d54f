// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QObject>
#include <functional>

#include "app/export/save_calibration.h"
#include "shell/background_job.h"

namespace quantscope {

/// Saves calibration statistics away from the GUI thread. A stopped or failed save leaves the target as it
/// was.
class CalibrationSaver : public QObject {
    Q_OBJECT
 public:
    /// saveCalibration() in the program. Runs on a thread of its own.
    using Work = std::function<Status(const CalibrationSave&, const Job&)>;

    explicit CalibrationSaver(Work work, QObject* parent = nullptr);

    /// False while another save runs: nothing is begun then.
    bool start(const CalibrationSave& request);
    void cancel() { m_job.cancel(); }
    [[nodiscard]] bool isRunning() const { return m_job.isRunning(); }

 Q_SIGNALS:
    void workChanged(const quantscope::WorkState& work);
    void saved(const quantscope::CalibrationSave& request);
    void failed(const quantscope::Error& error);

 private:
    Work m_work;
    BackgroundJob m_job;
};

}  // namespace quantscope
