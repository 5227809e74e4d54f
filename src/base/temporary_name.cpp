// SPDX-License-Identifier: Apache-2.0
#include "base/temporary_name.h"

#include <fmt/format.h>
#include <sys/types.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdint>
#include <string_view>
#include <system_error>

namespace quantscope {
namespace {

constexpr std::string_view kMark = ".part-";
constexpr size_t kLongestName = 200;  ///< of the 255 bytes that file systems give a name

/// FNV-1a of the machine's name.
std::string machineMark() {
    std::array<char, 256> name{};
    if (gethostname(name.data(), name.size() - 1) != 0) name[0] = '\0';
    uint32_t hash = 2166136261U;
    for (const char* c = name.data(); *c != '\0'; ++c) hash = (hash ^ static_cast<uint8_t>(*c)) * 16777619U;
    return fmt::format("{:08x}", hash);
}

bool isRunning(pid_t process) {
    return kill(process, 0) == 0 || errno != ESRCH;
}

/// True for a temporary whose process was one of this machine and has ended.
bool isAbandoned(std::string_view name, std::string_view machine) {
    const size_t mark = name.rfind(kMark);
    if (name.empty() || name.front() != '.' || mark == std::string_view::npos || mark < 2) return false;
    const std::string_view rest = name.substr(mark + kMark.size());
    pid_t process = 0;
    const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), process);
    if (error != std::errc() || process <= 0) return false;
    const std::string_view tail = rest.substr(static_cast<size_t>(end - rest.data()));
    const bool formerVersion = tail.empty();
    const bool ours = tail.starts_with('-') && tail.substr(1).starts_with(machine);
    return (formerVersion || ours) && !isRunning(process);
}

}  // namespace

std::filesystem::path temporaryBeside(const std::filesystem::path& target) {
    return target.parent_path() / fmt::format(".{}{}{}-{}",
                                              target.filename().string().substr(0, kLongestName), kMark,
                                              getpid(), machineMark());
}

void removeAbandonedTemporaries(const std::filesystem::path& folder) {
    const std::string machine = machineMark();
    std::error_code error;
    std::filesystem::directory_iterator entry(folder.empty() ? "." : folder, error);
    for (; !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
        if (!isAbandoned(entry->path().filename().string(), machine)) continue;
        std::error_code ignored;
        std::filesystem::remove_all(entry->path(), ignored);
    }
}

}  // namespace quantscope
