// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>
#include <cstdint>

namespace quantscope {

/// A number as an axis or a label shows it: `digits` significant digits, trailing zeros dropped, thousands
/// separated by commas from 10,000 on, powers as 1e-3 (never "1e-03") below 0.001 and from 1e7 on. NaN is
/// "n/a".
QString formatNumber(double value, int digits = 3);

/// The same with a sign in front of positive values: "+0.003".
QString formatSigned(double value, int digits = 3);

/// 12,345.
QString formatCount(int64_t count);

/// Share as per cent: 0.9891 -> "98.9 %", 0.00004 -> "0.004 %".
QString formatPercent(double share);

/// Seconds as "3 s", "2 min 5 s", "1 h 12 min".
QString formatDuration(double seconds);

}  // namespace quantscope
