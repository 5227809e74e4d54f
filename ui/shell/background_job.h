// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QElapsedTimer>
#include <QObject>
#include <functional>
#include <memory>
#include <stop_token>
#include <utility>

#include "base/job.h"
#include "base/out_of_memory.h"
#include "base/result.h"
#include "base/work_queue.h"
#include "widgets/work_state.h"

namespace quantscope {

/// Work of seconds to hours on a thread of its own, one piece at a time, with progress and a stop.
class BackgroundJob : public QObject {
    Q_OBJECT
 public:
    explicit BackgroundJob(QObject* parent = nullptr);
    /// Stops what runs and waits for it.
    ~BackgroundJob() override;

    /// `done` hears of the result on this object's thread; an exception of `work` (memory that was refused, a
    /// bug) is an error of `file` (see errorOfException). False while other work runs: nothing is begun then.
    template <class T>
    bool start(const QString& stage, const std::string& file, std::function<Result<T>(const Job&)> work,
               std::function<void(const Result<T>&)> done) {
        return begin(stage, [file, work = std::move(work), done = std::move(done)](const Job& job) {
            const auto result = std::make_shared<const Result<T>>(guarded<T>(work, file, job));
            return [done, result] { done(*result); };
        });
    }
    void cancel();
    [[nodiscard]] bool isRunning() const { return m_running; }

 Q_SIGNALS:
    void workChanged(const quantscope::WorkState& work);

 private:
    template <class T>
    static Result<T> guarded(const std::function<Result<T>(const Job&)>& work, const std::string& file,
                             const Job& job) {
        try {
            return work(job);
        } catch (...) {
            return fail(inFile(errorOfException(), file));
        }
    }
    bool begin(const QString& stage, std::function<std::function<void()>(const Job&)> work);
    void showProgress(const Progress& progress);

    std::stop_source m_stop;
    QElapsedTimer m_since;
    QString m_stage;
    bool m_running = false;
    WorkQueue m_queue;  // last: its thread ends before anything it uses is destroyed
};

}  // namespace quantscope
