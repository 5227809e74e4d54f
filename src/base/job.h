// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>

namespace quantscope {

/// How far a long computation is. `fraction` lies in [0, 1]; `stage` says what it is doing.
struct Progress {
    double fraction = 0;
    std::string stage;
};

using ProgressSink = std::function<void(const Progress&)>;

/// The handle a long computation receives: the progress call is also its stopping point.
///
///     if (!job.proceed(done / total, "layer 3")) return fail(ErrorKind::Cancelled, "stopped");
///
/// Progress reaches the sink on changes of at least 0.5 % and at most 20 times a second. A Job is a cheap
/// value; its copies share the throttle; `proceed` may be called from several threads, the sink is called by
/// one at a time and must not block.
class Job {
 public:
    /// A job that nobody watches and nobody stops.
    Job();
    explicit Job(std::stop_token stop, ProgressSink sink = {});

    /// Reports progress; false when the job was asked to stop.
    [[nodiscard]] bool proceed(double fraction, std::string_view stage = {}) const;
    [[nodiscard]] bool stopRequested() const { return m_stop.stop_requested(); }
    [[nodiscard]] const std::stop_token& stopToken() const { return m_stop; }

    /// A job for one part of this one: its 0..1 maps to from..to here.
    [[nodiscard]] Job part(double from, double to) const;

    /// The same stop without the progress: for a step whose own 0..1 is not worth telling.
    [[nodiscard]] Job quiet() const { return Job(m_stop); }

 private:
    struct Throttle;
    std::stop_token m_stop;
    std::shared_ptr<Throttle> m_throttle;
    double m_from = 0;
    double m_to = 1;
};

}  // namespace quantscope
