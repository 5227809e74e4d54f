// SPDX-License-Identifier: Apache-2.0
#include "cli/output.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <string_view>
#include <utility>

namespace quantscope {
namespace {

bool errorsGoToTerminal() {
    return isatty(STDERR_FILENO) == 1;
}

/// Characters on screen: UTF-8 bytes that do not continue a character.
size_t widthOf(const std::string& text) {
    return static_cast<size_t>(std::count_if(
        text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

}  // namespace

Error withFlags(Error error) {
    const auto endsWith = [&error](std::string_view end) {
        return error.field.size() >= end.size() &&
               error.field.compare(error.field.size() - end.size(), end.size(), end) == 0;
    };
    if (endsWith("tensor inputs"))
        error.fix += " (--inputs FILE or synthetic:SPEC)";
    else if (endsWith("calibration"))
        error.fix += " (--calibration FILE)";
    return error;
}

int reportError(const Error& error, int exitCode) {
    finishProgress();
    fmt::print(stderr, "error: {}\n", describe(withFlags(error)));
    return exitCode;
}

void printJson(const OrderedJson& object) {
    finishProgress();
    fmt::print("{}\n", object.dump(2, ' ', false, OrderedJson::error_handler_t::replace));
}

void printTable(const std::vector<std::vector<std::string>>& rows) {
    finishProgress();
    std::vector<size_t> widths;
    for (const auto& row : rows) {
        widths.resize(std::max(widths.size(), row.size()), 0);
        const size_t cells = row.size() - (row.size() < rows.front().size() ? 1 : 0);
        for (size_t i = 0; i < cells; ++i) widths[i] = std::max(widths[i], widthOf(row[i]));
    }
    for (const auto& row : rows) {
        std::string line;
        for (size_t i = 0; i < row.size(); ++i) {
            const std::string blanks(widths[i] - std::min(widths[i], widthOf(row[i])), ' ');
            line += (i == 0 ? row[i] + blanks : "  " + blanks + row[i]);
        }
        line.erase(line.find_last_not_of(' ') + 1);
        fmt::print("{}\n", line);
    }
}

void printMarkdownTable(const std::vector<std::vector<std::string>>& rows) {
    finishProgress();
    for (size_t r = 0; r < rows.size(); ++r) {
        fmt::print("|");
        for (const std::string& cell : rows[r]) fmt::print(" {} |", cell);
        fmt::print("\n");
        if (r > 0) continue;
        fmt::print("| --- |");
        for (size_t i = 1; i < rows[r].size(); ++i) fmt::print(" ---: |");
        fmt::print("\n");
    }
}

ProgressSink terminalProgress() {
    if (!errorsGoToTerminal()) return {};
    return [](const Progress& progress) {
        fmt::print(stderr, "\r\x1b[K{:3.0f} % {}", 100 * progress.fraction, progress.stage);
        std::fflush(stderr);
    };
}

Job terminalJob() {
    return Job(std::stop_token{}, terminalProgress());
}

void finishProgress() {
    if (errorsGoToTerminal()) fmt::print(stderr, "\r\x1b[K");
}

}  // namespace quantscope
