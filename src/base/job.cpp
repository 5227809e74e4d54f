// SPDX-License-Identifier: Apache-2.0
#include "base/job.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <mutex>

namespace quantscope {

struct Job::Throttle {
    using Clock = std::chrono::steady_clock;
    ProgressSink sink;
    std::mutex mutex;
    double lastFraction = -1;
    Clock::time_point lastTime{};
    std::string lastStage;

    void report(double fraction, std::string_view stage) {
        constexpr double kSmallestStep = 0.005;
        constexpr auto kShortestPause = std::chrono::milliseconds(50);
        const std::unique_lock lock(mutex, std::try_to_lock);
        if (!lock.owns_lock()) return;
        const auto now = Clock::now();
        const bool end = fraction >= 1.0 && lastFraction < 1.0;
        const bool newStage = !stage.empty() && stage != lastStage;
        const bool step = std::abs(fraction - lastFraction) >= kSmallestStep || newStage;
        if (!end && (!step || now - lastTime < kShortestPause)) return;
        lastFraction = fraction;
        lastTime = now;
        if (!stage.empty()) lastStage = stage;
        sink(Progress{fraction, lastStage});
    }
};

Job::Job() = default;

Job::Job(std::stop_token stop, ProgressSink sink) : m_stop(std::move(stop)) {
    if (!sink) return;
    m_throttle = std::make_shared<Throttle>();
    m_throttle->sink = std::move(sink);
}

bool Job::proceed(double fraction, std::string_view stage) const {
    if (m_throttle) {
        const double inside = std::clamp(fraction, 0.0, 1.0);
        m_throttle->report(m_from + (m_to - m_from) * inside, stage);
    }
    return !m_stop.stop_requested();
}

Job Job::part(double from, double to) const {
    Job inner = *this;
    inner.m_from = m_from + (m_to - m_from) * from;
    inner.m_to = m_from + (m_to - m_from) * to;
    return inner;
}

}  // namespace quantscope
