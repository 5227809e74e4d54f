// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QByteArray>
#include <QString>

#include "app/labs/lab.h"
#include "shell/session_controller.h"

namespace quantscope {

/// "tensor", "matmul", "model"; what is not known is the Tensor lab.
QString labName(LabKind lab);
LabKind labNamed(const QString& name);

/// How the window stood. Everything is optional when read.
struct WindowLayout {
    QByteArray geometry;
    QByteArray docks;
    QString lab;  ///< "tensor", "model"
    bool dark = false;
    bool operator==(const WindowLayout&) const = default;
};

struct Session {
    LabRequest request;
    WindowLayout window;
};

/// A session file is the experiment's JSON with a "window" object in it, so the command line runs it as it
/// is.
std::string sessionJson(const Session& session);
/// Errors name the field; a missing or broken "window" is no error.
Result<Session> parseSession(const std::string& json);

/// Writes through a temporary file: a full disk leaves the old session intact.
Status saveSession(const std::string& path, const Session& session);
Result<Session> loadSession(const std::string& path);

}  // namespace quantscope
