// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <cstddef>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace quantscope {

/// A fixed number of threads that lanes share: whoever has something to do queues, the first in the queue
/// runs next. Threads stay, because OpenMP keeps a team of helpers for each thread that ever entered it.
/// Every lane ends before its pool.
class LanePool {
 public:
    /// Something that waits for a thread.
    class Turn {
     public:
        virtual ~Turn() = default;

     private:
        friend class LanePool;
        /// Runs on a thread of the pool, once for each time it was queued; must not throw.
        virtual void take() = 0;
    };

    explicit LanePool(int threads, const std::function<void()>& onThreadStart = {});
    ~LanePool();
    LanePool(const LanePool&) = delete;
    LanePool& operator=(const LanePool&) = delete;

    /// Room for one more lane in the queue, until it leaves: queue() needs no memory then, and cannot throw
    /// in the middle of a lane's or a window's work.
    void enter();
    void leave();

    void queue(Turn* turn);
    /// True when it was waiting and now is not; false when it has been taken.
    bool withdraw(Turn* turn);
    [[nodiscard]] int threads() const { return static_cast<int>(m_threads.size()); }

 private:
    void work(const std::stop_token& end);

    std::mutex m_mutex;
    std::condition_variable_any m_wake;
    size_t m_lanes = 0;
    std::vector<Turn*> m_waiting;         ///< each lane at most once; the first runs next
    std::vector<std::jthread> m_threads;  // last: joined before anything they use is destroyed
};

}  // namespace quantscope
