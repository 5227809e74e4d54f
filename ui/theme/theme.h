// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QColor>
#include <QFont>
#include <QtGlobal>

namespace quantscope {

/// Every colour and size the window draws with: a value, light or dark, with the presentation's scale in it.
/// Widgets take it from a ThemeController and repaint on its changed() signal.
struct Theme {
    bool isDark = false;
    bool isPresentation = false;
    double scale = 1;      ///< of type and spacing: 1, or 1.4 when presenting
    double lineWidth = 1;  ///< of curves and markers in plots, pixels: 1.5, or 3 when presenting

    QColor background;  ///< behind the cards
    QColor card;        ///< cards, panels, bars
    QColor cardBorder;  ///< one pixel around cards and between panels
    QColor field;       ///< input fields, variant cards, the selected tab
    QColor control;     ///< buttons and choices that lie on `field`
    QColor controlBorder;
    QColor hover;
    QColor selection;  ///< selected row, behind `text`
    QColor text;
    QColor mutedText;  ///< subtitles, axis labels, units
    QColor disabledText;
    QColor accent;  ///< links, focus, progress
    QColor axis;    ///< axis lines and ticks
    QColor grid;    ///< grid lines, quieter than the axis
    QColor crosshair;
    QColor good;
    QColor warning;    ///< outlier badges, hints
    QColor bad;        ///< errors
    QColor rounding;   ///< rounding error, in bars and curves
    QColor clipping;   ///< clipping error
    QColor reference;  ///< the float distribution behind a variant's

    bool operator==(const Theme&) const = default;

    /// A length in pixels under the presentation scale.
    [[nodiscard]] int px(double length) const { return qRound(length * scale); }
    /// Interface face (Inter; the system's sans where it is missing) in pixels at scale 1.
    [[nodiscard]] QFont textFont(double pixels = 13, int weight = QFont::Normal) const;
    /// Face for numbers (JetBrains Mono, DejaVu Sans Mono, the system's fixed face).
    [[nodiscard]] QFont numberFont(double pixels = 12, int weight = QFont::Normal) const;
    /// The colour of variant 0..5 (A..F), the same everywhere; wraps around. In the dark theme A is a lighter
    /// grey.
    [[nodiscard]] QColor variantColor(int index) const;
};

Theme lightTheme(bool presentation = false);
Theme darkTheme(bool presentation = false);

/// Okabe-Ito, colour-blind safe: A grey, B blue, C orange, D green, E purple, F sky blue. On the light theme.
QColor variantColor(int index);
/// "A".."F".
QString variantLetter(int index);

/// Opaque mixture: `share` of `top` over `bottom`. Translucent fills are 20-100 times slower to draw.
QColor mixed(const QColor& top, const QColor& bottom, double share);

}  // namespace quantscope
