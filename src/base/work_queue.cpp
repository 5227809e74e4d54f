// SPDX-License-Identifier: Apache-2.0
#include "base/work_queue.h"

#include <utility>

namespace quantscope {

WorkQueue::WorkQueue() : m_thread([this](const std::stop_token& end) { loop(end); }) {}

void WorkQueue::add(std::function<void()> work) {
    const std::lock_guard lock(m_mutex);
    m_waiting.push_back(std::move(work));
    m_wake.notify_one();
}

void WorkQueue::loop(const std::stop_token& end) {
    while (true) {
        std::function<void()> work;
        {
            std::unique_lock lock(m_mutex);
            m_wake.wait(lock, end, [this] { return !m_waiting.empty(); });
            if (end.stop_requested()) return;
            work = std::move(m_waiting.front());
            m_waiting.pop_front();
        }
        work();
    }
}

}  // namespace quantscope
