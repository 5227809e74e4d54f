// SPDX-License-Identifier: Apache-2.0
#include "app/pipelines/lane_pool.h"

#include <algorithm>
#include <cassert>

namespace quantscope {

LanePool::LanePool(int threads, const std::function<void()>& onThreadStart) {
    m_threads.reserve(static_cast<size_t>(std::max(1, threads)));
    for (int i = 0; i < std::max(1, threads); ++i) {
        m_threads.emplace_back([this, onThreadStart](const std::stop_token& end) {
            if (onThreadStart) onThreadStart();
            work(end);
        });
    }
}

LanePool::~LanePool() {
    for (std::jthread& thread : m_threads) thread.request_stop();
    m_wake.notify_all();
}

void LanePool::enter() {
    const std::lock_guard lock(m_mutex);
    m_waiting.reserve(m_lanes + 1);
    ++m_lanes;
}

void LanePool::leave() {
    const std::lock_guard lock(m_mutex);
    --m_lanes;
}

void LanePool::queue(Turn* turn) {
    const std::lock_guard lock(m_mutex);
    assert(m_waiting.size() < m_lanes);
    m_waiting.push_back(turn);
    m_wake.notify_one();
}

bool LanePool::withdraw(Turn* turn) {
    const std::lock_guard lock(m_mutex);
    return std::erase(m_waiting, turn) > 0;
}

void LanePool::work(const std::stop_token& end) {
    while (true) {
        std::unique_lock lock(m_mutex);
        m_wake.wait(lock, end, [this] { return !m_waiting.empty(); });
        if (end.stop_requested()) return;
        Turn* turn = m_waiting.front();
        m_waiting.erase(m_waiting.begin());
        lock.unlock();
        turn->take();
    }
}

}  // namespace quantscope
