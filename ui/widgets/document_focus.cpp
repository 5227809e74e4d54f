// SPDX-License-Identifier: GPL-3.0-or-later
#include "widgets/document_focus.h"

#include <QApplication>
#include <algorithm>

#include "widgets/document.h"

namespace quantscope {

DocumentFocus::DocumentFocus(QObject* parent) : QObject(parent) {
    connect(qApp, &QApplication::focusChanged, this, [this](QWidget*, QWidget* now) { focus(now); });
}

void DocumentFocus::add(QWidget* widget, Document* document) {
    m_places.emplace_back(widget, document);
    m_undo.addStack(document->undoStack());
    connect(document, &QObject::destroyed, this, [this] {
        std::erase_if(m_places, [](const auto& place) { return !place.first || !place.second; });
        if (!m_current && !m_places.empty()) setCurrent(m_places.front().second);
    });
    if (!m_current) setCurrent(document);
}

/// A widget that belongs to no document (a dialog, another window) leaves the focus where it was.
void DocumentFocus::focus(QWidget* widget) {
    for (QWidget* inside = widget; inside != nullptr; inside = inside->parentWidget()) {
        const auto place = std::find_if(m_places.begin(), m_places.end(), [&](const auto& known) {
            return known.first == inside && known.second;
        });
        if (place != m_places.end()) return setCurrent(place->second);
    }
}

void DocumentFocus::setCurrent(Document* document) {
    m_current = document;
    m_undo.setActiveStack(document->undoStack());
}

}  // namespace quantscope
