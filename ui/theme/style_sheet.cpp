// SPDX-License-Identifier: GPL-3.0-or-later
#include <QStringList>

#include "theme/theme_controller.h"

namespace quantscope {
namespace {

/// Widgets are addressed by class or by the `look` property ("flat", "link", "tab", "panel", "field"), so
/// that a sheet change restyles all of them at once.
constexpr auto kSheet = R"(
QWidget { color: $text; }
QMainWindow, QDialog { background: $background; }
QWidget[look="panel"], QStatusBar { background: $card; }
QWidget[look="backdrop"] { background: $background; }
QToolTip { background: $card; color: $text; border: 1px solid $controlBorder; padding: $3px; }
QLabel[look="heading"] { color: $muted; font-size: $11px; font-weight: 600; letter-spacing: 0.4px; }
QLabel[look="muted"] { color: $muted; }
QLabel[look="bad"] { color: $bad; }

QPushButton { background: $control; border: 1px solid $controlBorder; border-radius: $4px; padding: $4px $12px; }
QPushButton:hover { background: $hover; }
QPushButton:focus { border-color: $accent; }
QPushButton:disabled { color: $disabled; }
QPushButton[look="link"], QPushButton[look="flat"], QToolButton[look="flat"] {
  background: transparent; border: 1px solid transparent; padding: $3px $6px; border-radius: $4px; }
QPushButton[look="link"] { color: $accent; }
QPushButton[look="link"]:hover, QPushButton[look="flat"]:hover, QToolButton[look="flat"]:hover { background: $field; }
QPushButton[look="flat"], QToolButton[look="flat"] { color: $muted; }
QPushButton[look="link"]:focus, QPushButton[look="flat"]:focus, QToolButton[look="flat"]:focus {
  border-color: $accent; }
QPushButton[look="link"]:disabled, QPushButton[look="flat"]:disabled { color: $disabled; }
QPushButton::menu-indicator, QToolButton::menu-indicator { image: none; width: 0; }

QPushButton[look="tab"] { background: transparent; border: 1px solid transparent; border-radius: $6px;
  padding: $5px $14px; color: $muted; }
QPushButton[look="tab"]:hover { color: $text; }
QPushButton[look="tab"]:checked { background: $field; color: $text; font-weight: 600; }
QPushButton[look="tab"]:focus { border-color: $accent; }

QLineEdit, QSpinBox, QDoubleSpinBox, QPlainTextEdit { background: $control; border: 1px solid $controlBorder;
  border-radius: $4px; padding: $3px $6px; selection-background-color: $selection; selection-color: $text; }
QLineEdit[look="field"] { background: $field; border: 1px solid $field; padding: $4px $8px; }
QLineEdit:focus, QSpinBox:focus, QDoubleSpinBox:focus, QPlainTextEdit:focus, QComboBox:focus {
  border-color: $accent; }
QLineEdit[invalid="true"], QComboBox[invalid="true"] { border-color: $bad; }
QComboBox { background: $control; border: 1px solid $controlBorder; border-radius: $4px;
  padding: $2px $4px $2px $6px; min-height: $18px; font-size: $12px; }
QComboBox:hover { border-color: $axis; }
QComboBox::drop-down { border: none; width: $16px; subcontrol-origin: padding; subcontrol-position: center right; }
QComboBox::down-arrow { image: url(:/quantscope/arrow-$tone.svg); width: $8px; height: $8px; }
QComboBox QAbstractItemView { background: $card; border: 1px solid $controlBorder; padding: $2px; outline: 0;
  selection-background-color: $selection; selection-color: $text; }
QComboBox QAbstractItemView::item { min-height: $22px; }
QCheckBox { spacing: $6px; }

QTreeView, QTableView, QListView { background: $card; border: none; outline: 0; alternate-background-color: $card;
  selection-background-color: $selection; selection-color: $text; gridline-color: $border; }
QTreeView::item:selected, QTableView::item:selected { background: $selection; color: $text; }
QHeaderView { background: $card; border: none; }
QHeaderView::section { background: $card; color: $muted; border: none; border-bottom: 1px solid $border;
  padding: $6px $6px; font-size: $11px; font-weight: 600; }
QTableCornerButton::section { background: $card; border: none; }

QMenu { background: $card; border: 1px solid $controlBorder; padding: $4px; }
QMenu::item { padding: $4px $24px $4px $12px; border-radius: $3px; }
QMenu::item:selected { background: $selection; }
QMenu::item:disabled { color: $disabled; }
QMenu::separator { height: 1px; background: $border; margin: $4px $6px; }
QScrollBar:vertical { background: transparent; width: $10px; margin: 0; }
QScrollBar:horizontal { background: transparent; height: $10px; margin: 0; }
QScrollBar::handle { background: $controlBorder; border-radius: $3px; margin: 2px; }
QScrollBar::handle:hover { background: $axis; }
QScrollBar::handle:vertical { min-height: $24px; }
QScrollBar::handle:horizontal { min-width: $24px; }
QScrollBar::add-line, QScrollBar::sub-line { width: 0; height: 0; }
QScrollBar::add-page, QScrollBar::sub-page { background: transparent; }
QScrollArea { border: none; background: transparent; }
QSplitter::handle { background: $border; }
QSplitter::handle:hover { background: $accent; }
QDockWidget { titlebar-close-icon: none; titlebar-normal-icon: none; }
QMainWindow::separator { background: $border; width: 1px; height: 1px; }
QMainWindow::separator:hover { background: $accent; }
)";

/// Lengths stand as "$12px" and are scaled, names as "$text".
QString scaledLengths(QString sheet, const Theme& theme) {
    for (qsizetype at = sheet.indexOf(QLatin1Char('$')); at >= 0;
         at = sheet.indexOf(QLatin1Char('$'), at + 1)) {
        qsizetype end = at + 1;
        while (end < sheet.size() && sheet[end].isDigit()) ++end;
        if (end == at + 1) continue;
        const double length = QStringView(sheet).mid(at + 1, end - at - 1).toDouble();
        sheet.replace(at, end - at, QString::number(theme.px(length)));
    }
    return sheet;
}

}  // namespace

QString styleSheetOf(const Theme& theme) {
    QString sheet = scaledLengths(QString::fromLatin1(kSheet), theme);
    const std::pair<const char*, QColor> colours[] = {
        {"$background", theme.background},
        {"$card", theme.card},
        {"$border", theme.cardBorder},
        {"$field", theme.field},
        {"$controlBorder", theme.controlBorder},
        {"$control", theme.control},
        {"$hover", theme.hover},
        {"$selection", theme.selection},
        {"$text", theme.text},
        {"$muted", theme.mutedText},
        {"$disabled", theme.disabledText},
        {"$accent", theme.accent},
        {"$axis", theme.axis},
        {"$bad", theme.bad},
    };
    for (const auto& [name, colour] : colours) sheet.replace(QLatin1String(name), colour.name());
    return sheet.replace(QLatin1String("$tone"),
                         theme.isDark ? QStringLiteral("dark") : QStringLiteral("light"));
}

}  // namespace quantscope
