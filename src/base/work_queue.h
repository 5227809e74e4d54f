// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

namespace quantscope {

/// One thread that runs what it is given, piece after piece. The thread begins with the queue: a machine
/// without room for one more says so at once (the constructor throws std::system_error), not by an answer
/// that never comes.
class WorkQueue {
 public:
    WorkQueue();
    WorkQueue(const WorkQueue&) = delete;
    WorkQueue& operator=(const WorkQueue&) = delete;
    /// Waits for the piece that runs; what has not begun is dropped.
    ~WorkQueue() = default;

    /// `work` must not throw.
    void add(std::function<void()> work);

 private:
    void loop(const std::stop_token& end);

    std::mutex m_mutex;
    std::condition_variable_any m_wake;
    std::deque<std::function<void()>> m_waiting;
    std::jthread m_thread;  // last: joined before anything it uses is destroyed
};

}  // namespace quantscope
