// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>
#include <utility>

#include "app/pipelines/lane_pool.h"
#include "base/out_of_memory.h"

namespace quantscope {

/// One job at a time, one waiting slot, newest request wins. submit() replaces what waits and asks the
/// running job to stop refining; the job decides which of its tiers obey (a preview runs to its end, a full
/// pass stops). Jobs run on the pool's threads, wherever there is room, never two of a lane at once: what a
/// lane alone uses needs no lock. Everything a job delivers carries its request's sequence number, which only
/// grows, so a receiver shows whatever is newer than what it shows. A job that throws (memory that was
/// refused, a bug) ends with its request: the receiver hears why, and the lane goes on with the next one. The
/// lane dies first, then what its deliveries point to, then the pool.
template <class Request>
class LatestLane final : private LanePool::Turn {
 public:
    /// `refine` is stopped when a newer request waits or the lane ends.
    using Work = std::function<void(const Request& request, uint64_t sequence, std::stop_token refine)>;

    /// Hears, on the job's thread, of a request whose work threw: the exception as an Error.
    using OnFailure = std::function<void(const Request& request, uint64_t sequence, const Error& error)>;

    LatestLane(LanePool& pool, Work work, OnFailure onFailure)
        : m_pool(pool), m_work(std::move(work)), m_onFailure(std::move(onFailure)) {
        m_pool.enter();
    }
    LatestLane(const LatestLane&) = delete;
    LatestLane& operator=(const LatestLane&) = delete;

    /// Waits for the running job to stop, not for jobs of other lanes.
    ~LatestLane() override {
        cancel();
        const bool waited = m_pool.withdraw(this);
        std::unique_lock lock(m_mutex);
        if (!waited) m_idle.wait(lock, [this] { return !m_queued; });
        m_pool.leave();
    }

    /// Queues a request; returns its sequence number (1, 2, ...).
    uint64_t submit(Request request) {
        const std::lock_guard lock(m_mutex);
        m_waiting.emplace(std::move(request), ++m_sequence);
        m_refine.request_stop();
        if (!std::exchange(m_queued, true)) m_pool.queue(this);
        return m_sequence;
    }

    /// Drops what waits and stops the running job.
    void cancel() {
        const std::lock_guard lock(m_mutex);
        m_waiting.reset();
        m_refine.request_stop();
    }

    /// True while a job runs or waits.
    [[nodiscard]] bool busy() const {
        const std::lock_guard lock(m_mutex);
        return m_running || m_waiting.has_value();
    }

 private:
    void take() override {
        std::unique_lock lock(m_mutex);
        if (m_waiting) {
            const auto job = std::move(*m_waiting);
            m_waiting.reset();
            m_refine = std::stop_source();
            m_running = true;
            const std::stop_token refine = m_refine.get_token();
            lock.unlock();
            run(job.first, job.second, refine);
            lock.lock();
            m_running = false;
        }
        if (m_waiting) return m_pool.queue(this);  // behind the other lanes
        m_queued = false;
        m_idle.notify_all();
    }

    /// The border that no exception crosses: the thread, and the program with it, would end.
    void run(const Request& request, uint64_t sequence, const std::stop_token& refine) noexcept {
        try {
            m_work(request, sequence, refine);
        } catch (...) {
            try {
                m_onFailure(request, sequence, errorOfException());
            } catch (...) {  // not even the memory to tell it: the request ends without an answer
            }
        }
    }

    LanePool& m_pool;
    Work m_work;
    OnFailure m_onFailure;
    mutable std::mutex m_mutex;
    std::condition_variable m_idle;
    std::optional<std::pair<Request, uint64_t>> m_waiting;
    std::stop_source m_refine;
    uint64_t m_sequence = 0;
    bool m_running = false;
    bool m_queued = false;  ///< waits for a thread of the pool, or has one
};

}  // namespace quantscope
