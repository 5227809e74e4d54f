// SPDX-License-Identifier: GPL-3.0-or-later
#include "shell/background_job.h"

#include "base/thread_priority.h"

namespace quantscope {

BackgroundJob::BackgroundJob(QObject* parent) : QObject(parent) {}

BackgroundJob::~BackgroundJob() {
    m_stop.request_stop();
}

bool BackgroundJob::begin(const QString& stage, std::function<std::function<void()>(const Job&)> work) {
    if (m_running) return false;
    m_running = true;
    m_stop = std::stop_source();
    m_stage = stage;
    m_since.start();
    Q_EMIT workChanged({true, 0, 0, stage});
    m_queue.add([this, work = std::move(work), stop = m_stop.get_token()] {
        setPriorityOfCaller(ThreadPriority::Background);
        const Job job(stop, [this](const Progress& progress) {
            QMetaObject::invokeMethod(
                this, [this, progress] { showProgress(progress); }, Qt::QueuedConnection);
        });
        std::function<void()> tell;
        try {
            tell = work(job);
        } catch (...) {  // work() itself answers with errors: there is no memory even for the answer
        }
        const auto finish = [this, tell] {
            m_running = false;
            Q_EMIT workChanged({});
            if (tell) tell();
        };
        QMetaObject::invokeMethod(this, finish, Qt::QueuedConnection);
    });
    return true;
}

void BackgroundJob::cancel() {
    m_stop.request_stop();
}

void BackgroundJob::showProgress(const Progress& progress) {
    if (!m_running) return;
    const double spent = static_cast<double>(m_since.elapsed()) / 1000;
    const double left = progress.fraction > 0.02 ? spent * (1 - progress.fraction) / progress.fraction : 0;
    const QString stage = QString::fromStdString(progress.stage);
    Q_EMIT workChanged(
        {true, progress.fraction, left, stage.isEmpty() ? m_stage : tr("%1: %2").arg(m_stage, stage)});
}

}  // namespace quantscope
