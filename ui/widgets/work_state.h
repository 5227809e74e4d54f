// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>

namespace quantscope {

/// How far a computation is, for progress lines and the jobs strip.
struct WorkState {
    bool busy = false;
    double fraction = 0;
    double secondsLeft = 0;  ///< 0 = unknown
    QString stage;
};

}  // namespace quantscope
