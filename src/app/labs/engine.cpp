// SPDX-License-Identifier: Apache-2.0
#include "app/labs/engine.h"

#include <functional>
#include <utility>

#include "base/thread_priority.h"

namespace quantscope {
namespace {

/// Two documents may be looked at while a third one's long job runs; more would only share the same cores.
constexpr int kThreads = 2;

/// Lanes use every core and give way to the thread that answers events whenever it has something to do, and
/// those that work for minutes to those that follow a drag. A core kept free for events would be half of a
/// small machine.
std::function<void()> atPriority(ThreadPriority priority) {
    return [priority] { setPriorityOfCaller(priority); };
}

}  // namespace

Engine::Engine(KernelsInUse kernels, std::vector<Lab> labs)
    : m_kernels(kernels),
      m_labs(std::move(labs)),
      m_sources(kernels),
      m_interactive(kThreads, atPriority(ThreadPriority::Interactive)),
      m_behind(kThreads, atPriority(ThreadPriority::Background)) {}

std::unique_ptr<LabPipeline> Engine::pipelineOf(const Lab& lab) {
    return lab.makePipeline(m_sources, m_kernels);
}

LanePool& Engine::lanesOf(const Lab& lab) {
    return lab.goesOnBehind ? m_behind : m_interactive;
}

}  // namespace quantscope
