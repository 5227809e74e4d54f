// SPDX-License-Identifier: GPL-3.0-or-later
#include "theme/theme_controller.h"

#include <QApplication>
#include <QPalette>
#include <QStyleFactory>

/// The style sheet's pictures lie in this static library: without a call the linker would leave them out.
/// Outside any namespace, as Qt asks.
static void addPictures() {
    Q_INIT_RESOURCE(quantscope);
}

namespace quantscope {
namespace {

QPalette paletteOf(const Theme& theme) {
    QPalette palette;
    palette.setColor(QPalette::Window, theme.card);
    palette.setColor(QPalette::Base, theme.card);
    palette.setColor(QPalette::AlternateBase, theme.background);
    palette.setColor(QPalette::Button, theme.control);
    palette.setColor(QPalette::WindowText, theme.text);
    palette.setColor(QPalette::Text, theme.text);
    palette.setColor(QPalette::ButtonText, theme.text);
    palette.setColor(QPalette::PlaceholderText, theme.mutedText);
    palette.setColor(QPalette::Highlight, theme.selection);
    palette.setColor(QPalette::HighlightedText, theme.text);
    palette.setColor(QPalette::Link, theme.accent);
    palette.setColor(QPalette::ToolTipBase, theme.card);
    palette.setColor(QPalette::ToolTipText, theme.text);
    palette.setColor(QPalette::Mid, theme.cardBorder);
    for (const auto role : {QPalette::WindowText, QPalette::Text, QPalette::ButtonText}) {
        palette.setColor(QPalette::Disabled, role, theme.disabledText);
    }
    return palette;
}

}  // namespace

ThemeController::ThemeController(QObject* parent) : QObject(parent), m_theme(lightTheme()) {}

void ThemeController::setDark(bool dark) {
    replace(dark ? darkTheme(m_theme.isPresentation) : lightTheme(m_theme.isPresentation));
}

void ThemeController::setPresentation(bool presentation) {
    replace(m_theme.isDark ? darkTheme(presentation) : lightTheme(presentation));
}

void ThemeController::applyTo(QApplication& application) {
    if (!m_application) application.setStyle(QStyleFactory::create(QStringLiteral("Fusion")));
    m_application = &application;
    addPictures();
    application.setPalette(paletteOf(m_theme));
    application.setFont(m_theme.textFont());
    application.setStyleSheet(styleSheetOf(m_theme));
}

void ThemeController::replace(const Theme& theme) {
    if (theme == m_theme) return;
    m_theme = theme;
    if (m_application) applyTo(*m_application);
    Q_EMIT changed(m_theme);
}

}  // namespace quantscope
