// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>

namespace quantscope {

/// A real number in the matrices and lines of the Matmul lab: whole numbers as they are, others with five
/// significant digits: "86.362", "-3", "0.11811".
QString number(double value);
/// "12.3 µs".
QString times(double seconds);

/// In brackets when negative: "17 · 127 + (-3) · 5".
QString factor(qint64 value);

/// With its sign: "+ 12", "− 7".
QString term(qint64 value);

}  // namespace quantscope
