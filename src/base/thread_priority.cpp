// SPDX-License-Identifier: Apache-2.0
#include "base/thread_priority.h"

#if defined(__linux__)
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#endif

namespace quantscope {

bool setPriorityOfCaller([[maybe_unused]] ThreadPriority priority) {
#if defined(__linux__)
    constexpr int kStep = 5;
    constexpr int kLowest = 19;
    // Linux counts nice values by thread, whatever POSIX says; 0 is the caller, the process the main thread.
    const int normal = getpriority(PRIO_PROCESS, static_cast<id_t>(getpid()));
    return setpriority(PRIO_PROCESS, 0, std::min(kLowest, normal + kStep * static_cast<int>(priority))) == 0;
#else
    return false;
#endif
}

}  // namespace quantscope
