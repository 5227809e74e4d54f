// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

namespace quantscope {

class MainWindow;
class SessionController;
class ThemeController;

/// Builds the labs and connects them: results from the session, edits to it. One function a lab is all that a
/// new lab needs here.
void addLabs(MainWindow& window, ThemeController& themes, SessionController& session);

}  // namespace quantscope
