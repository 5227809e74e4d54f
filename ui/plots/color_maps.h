// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QColor>
#include <array>

#include "theme/theme.h"

namespace quantscope {

/// Perceptually uniform maps for magnitudes (Viridis, Cividis: Nuñez et al. 2018, made for colour-blind
/// readers) and blue - neutral - red for signed values.
enum class ColorMap { Viridis, Cividis, Diverging };

/// 256 opaque colours from low to high. The middle of Diverging is the theme's card, so that "no error" is
/// quiet.
using ColorTable = std::array<QRgb, 256>;
ColorTable colorTable(ColorMap map, const Theme& theme);

}  // namespace quantscope
