// SPDX-License-Identifier: GPL-3.0-or-later
#include "plots/color_maps.h"

#include <span>

namespace quantscope {

namespace {

// Every sixteenth part of the published tables; linear interpolation between them stays within one step of
// 255 or two.
constexpr QRgb kViridis[] = {0xff440154, 0xff481a6c, 0xff472f7d, 0xff414487, 0xff39568c, 0xff31688e,
                             0xff2a788e, 0xff23888e, 0xff1f988b, 0xff22a884, 0xff35b779, 0xff54c568,
                             0xff7ad151, 0xffa5db36, 0xffd2e21b, 0xfffde725};
constexpr QRgb kCividis[] = {0xff00224e, 0xff123570, 0xff3b496c, 0xff575d6d, 0xff707173,
                             0xff8a8678, 0xffa59c74, 0xffc3b369, 0xffe1cc55, 0xfffee838};

ColorTable interpolated(std::span<const QRgb> stops) {
    ColorTable table{};
    for (size_t i = 0; i < table.size(); ++i) {
        const double position = static_cast<double>(i) / 255.0 * static_cast<double>(stops.size() - 1);
        const size_t low = std::min(static_cast<size_t>(position), stops.size() - 2);
        table[i] =
            mixed(QColor(stops[low + 1]), QColor(stops[low]), position - static_cast<double>(low)).rgb();
    }
    return table;
}

}  // namespace

ColorTable colorTable(ColorMap map, const Theme& theme) {
    if (map == ColorMap::Viridis) return interpolated(kViridis);
    if (map == ColorMap::Cividis) return interpolated(kCividis);
    const QRgb middle = theme.isDark ? 0xff2b2f36 : 0xfff4f5f6;
    const QRgb light[] = {0xff053061, 0xff2166ac, 0xff4393c3, 0xff9ecae1, middle,
                          0xfff4a582, 0xffd6604d, 0xffb2182b, 0xff67001f};
    const QRgb dark[] = {0xff9ad0ff, 0xff56a8e8, 0xff2f7fc1, 0xff2b5580, middle,
                         0xff7a3a35, 0xffc0463f, 0xfff0705f, 0xffffb4a0};
    return interpolated(theme.isDark ? std::span<const QRgb>(dark) : std::span<const QRgb>(light));
}

}  // namespace quantscope
