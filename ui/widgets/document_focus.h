// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QObject>
#include <QPointer>
#include <QUndoGroup>
#include <QWidget>
#include <utility>
#include <vector>

namespace quantscope {

class Document;

/// Which of several documents the keyboard belongs to: undo and redo act on that of the widget in focus. The
/// first document has them until another one gets the focus, and again when that one goes.
class DocumentFocus : public QObject {
    Q_OBJECT
 public:
    explicit DocumentFocus(QObject* parent = nullptr);

    /// Everything inside `widget` belongs to `document`; of widgets inside each other the innermost counts.
    void add(QWidget* widget, Document* document);
    [[nodiscard]] Document* current() const { return m_current; }
    /// Its undo and redo actions are those of the document in focus.
    [[nodiscard]] QUndoGroup* undo() { return &m_undo; }

 private:
    void focus(QWidget* widget);
    void setCurrent(Document* document);

    QUndoGroup m_undo;
    std::vector<std::pair<QPointer<QWidget>, QPointer<Document>>> m_places;
    QPointer<Document> m_current;
};

}  // namespace quantscope
