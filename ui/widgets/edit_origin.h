// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>

namespace quantscope {

/// Where an edit comes from: undo merges the edits of one drag of one control into one step.
struct EditOrigin {
    QString control;  ///< "variant 2: bits"; also the text of the undo step
    int drag = 0;     ///< counts the drags of the session; 0 = not a drag, never merged

    [[nodiscard]] bool mergesWith(const EditOrigin& next) const {
        return drag != 0 && drag == next.drag && control == next.control;
    }
};

/// A new number for a drag that begins.
int nextDrag();

}  // namespace quantscope
