// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>

namespace quantscope {

/// Where this process builds what shall appear at once as `target`: ".NAME.part-PID-HOST" beside it, HOST
/// eight hexadecimal digits that stand for this machine (a folder may be shared by several). NAME is cut
/// where the whole would be too long for a file system.
std::filesystem::path temporaryBeside(const std::filesystem::path& target);

/// Removes from `folder` the files and folders named as above, whatever follows HOST, whose process on this
/// machine has ended, and those named ".NAME.part-PID" alone, as former versions did. What cannot be listed
/// or removed stays.
void removeAbandonedTemporaries(const std::filesystem::path& folder);

}  // namespace quantscope
