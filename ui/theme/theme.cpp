// SPDX-License-Identifier: GPL-3.0-or-later
#include "theme/theme.h"

#include <QFontDatabase>
#include <QStringList>
#include <array>

namespace quantscope {
namespace {

constexpr double kPresentationScale = 1.4;
constexpr int kVariantColors = 6;

/// The first installed family of a list; asking the font database once per process is enough and costs
/// milliseconds.
QString firstInstalled(const QStringList& wanted, QFontDatabase::SystemFont fallback) {
    const QStringList installed = QFontDatabase::families();
    for (const QString& family : wanted) {
        if (installed.contains(family)) return family;
    }
    return QFontDatabase::systemFont(fallback).family();
}

const QString& textFamily() {
    static const QString family =
        firstInstalled({QStringLiteral("Inter"), QStringLiteral("Noto Sans"), QStringLiteral("DejaVu Sans")},
                       QFontDatabase::GeneralFont);
    return family;
}

const QString& numberFamily() {
    static const QString family = firstInstalled(
        {QStringLiteral("JetBrains Mono"), QStringLiteral("DejaVu Sans Mono")}, QFontDatabase::FixedFont);
    return family;
}

QFont fontOf(const QString& family, double pixels, int weight) {
    QFont font(family);
    font.setPixelSize(qRound(pixels));
    font.setWeight(static_cast<QFont::Weight>(weight));
    return font;
}

void present(Theme& theme, bool presentation) {
    theme.isPresentation = presentation;
    theme.scale = presentation ? kPresentationScale : 1.0;
    theme.lineWidth = presentation ? 3.0 : 1.5;
    theme.rounding = QColor(0x56b4e9);
    theme.clipping = QColor(0xd55e00);
    theme.warning = QColor(0xd55e00);
}

}  // namespace

QFont Theme::textFont(double pixels, int weight) const {
    return fontOf(textFamily(), pixels * scale, weight);
}

QFont Theme::numberFont(double pixels, int weight) const {
    QFont font = fontOf(numberFamily(), pixels * scale, weight);
    font.setFixedPitch(true);
    // JetBrains Mono joins "->" and "!=" into one glyph; numbers and formulas here want each character.
    font.setStyleHint(QFont::Monospace);
    return font;
}

QColor Theme::variantColor(int index) const {
    const int wrapped = index % kVariantColors;
    if (isDark && wrapped == 0) return QColor(0x8a95a2);
    if (isDark && wrapped == 1) return QColor(0x2b8fcf);
    return quantscope::variantColor(index);
}

Theme lightTheme(bool presentation) {
    Theme theme;
    theme.background = QColor(0xf6f7f9);
    theme.card = QColor(0xffffff);
    theme.cardBorder = QColor(0xe3e7eb);
    theme.field = QColor(0xeef1f4);
    theme.control = QColor(0xffffff);
    theme.controlBorder = QColor(0xd8dee4);
    theme.hover = QColor(0xe4e9ee);
    theme.selection = QColor(0xd6e8f3);
    theme.text = QColor(0x1c252e);
    theme.mutedText = QColor(0x66727f);
    theme.disabledText = QColor(0xa6b0ba);
    theme.accent = QColor(0x0072b2);
    theme.axis = QColor(0x7b8794);
    theme.grid = QColor(0xe8ecf0);
    theme.crosshair = QColor(0x1c252e);
    theme.good = QColor(0x007a5a);
    theme.bad = QColor(0xb3261e);
    theme.reference = QColor(0xcfd5db);
    present(theme, presentation);
    return theme;
}

Theme darkTheme(bool presentation) {
    Theme theme;
    theme.isDark = true;
    theme.background = QColor(0x15181c);
    theme.card = QColor(0x1d2126);
    theme.cardBorder = QColor(0x2c3238);
    theme.field = QColor(0x262b31);
    theme.control = QColor(0x1e2227);
    theme.controlBorder = QColor(0x3a424a);
    theme.hover = QColor(0x2f353c);
    theme.selection = QColor(0x1b3a50);
    theme.text = QColor(0xe8ebee);
    theme.mutedText = QColor(0x95a0ab);
    theme.disabledText = QColor(0x5c6670);
    theme.accent = QColor(0x56b4e9);
    theme.axis = QColor(0x7b8794);
    theme.grid = QColor(0x2a3037);
    theme.crosshair = QColor(0xe8ebee);
    theme.good = QColor(0x2fbf93);
    theme.bad = QColor(0xff8a80);
    theme.reference = QColor(0x4a525b);
    present(theme, presentation);
    return theme;
}

QColor variantColor(int index) {
    static constexpr std::array<QRgb, kVariantColors> kOkabeIto = {0xff99a3af, 0xff0072b2, 0xffe69f00,
                                                                   0xff009e73, 0xffcc79a7, 0xff56b4e9};
    return QColor::fromRgb(kOkabeIto[static_cast<size_t>(index % kVariantColors)]);
}

QString variantLetter(int index) {
    return QString(QChar('A' + index % kVariantColors));
}

QColor mixed(const QColor& top, const QColor& bottom, double share) {
    const auto mix = [share](int a, int b) { return qRound(a * share + b * (1 - share)); };
    return QColor(mix(top.red(), bottom.red()), mix(top.green(), bottom.green()),
                  mix(top.blue(), bottom.blue()));
}

}  // namespace quantscope
