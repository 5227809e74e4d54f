// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QByteArray>
#include <QString>

#include "app/labs/labs.h"

namespace quantscope {

/// How the window stood. Everything is optional when read.
struct WindowLayout {
    QByteArray geometry;
    QByteArray docks;
    QString lab;  ///< id of the one on screen
    bool dark = false;
    bool operator==(const WindowLayout&) const = default;
};

struct Session {
    LabRequest request;
    WindowLayout window;
};

/// A session file is the experiment's JSON with a "window" object in it, so the command line runs it as it
/// is.
std::string sessionJson(const Session& session, const std::vector<Lab>& known = labs());
/// Errors name the field; a missing or broken "window" is no error. Labs that the file has no part of get
/// what a newcomer finds.
Result<Session> parseSession(const std::string& json, const std::vector<Lab>& known = labs());

/// Writes through a temporary file: a full disk leaves the old session intact.
Status saveSession(const std::string& path, const Session& session, const std::vector<Lab>& known = labs());
Result<Session> loadSession(const std::string& path, const std::vector<Lab>& known = labs());

}  // namespace quantscope
