// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <string>

#include "app/experiment/source_library.h"
#include "program/command_line.h"
#include "shell/session_file.h"

namespace quantscope {

/// Where the window leaves its session when it closes.
std::string lastSessionPath();

/// What the window shows first.
struct FirstSession {
    Session session;
    QString lab;  ///< empty: the first
};

/// The last session when nothing else was asked for and its files are still there; else the samples, or a
/// generated tensor where there are none.
FirstSession firstSession(const ProgramOptions& options, const std::optional<Samples>& samples,
                          const std::vector<Lab>& known = labs());

}  // namespace quantscope
