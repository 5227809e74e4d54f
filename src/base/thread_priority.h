// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace quantscope {

/// How much a thread gives way to others of the process and of the machine. Each step takes a smaller share
/// of a processor that several threads want, and is interrupted at once by a thread above it that wakes up.
enum class ThreadPriority {
    Normal,       ///< whoever answers events
    Interactive,  ///< somebody watches the result while dragging
    Background,   ///< takes seconds or minutes anyway
};

/// Sets the priority of the calling thread, which is not the main one, and of the threads it starts from now
/// on: on Linux 0, 5 and 10 nice values below the main thread's, so that a program started under `nice` keeps
/// the distances; elsewhere nothing happens. Without privileges a priority is lowered only: returns false
/// when the system refused.
bool setPriorityOfCaller(ThreadPriority priority);

}  // namespace quantscope
