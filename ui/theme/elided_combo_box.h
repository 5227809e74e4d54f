// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QComboBox>

namespace quantscope {

/// A list whose chosen text ends in "…" where it does not fit, and then is the tooltip if there is no other.
/// The style alone would cut it in the middle of a letter. Not for editable lists.
class ElidedComboBox : public QComboBox {
    Q_OBJECT
 public:
    explicit ElidedComboBox(QWidget* parent = nullptr) : QComboBox(parent) {}
    /// What is drawn of currentText().
    [[nodiscard]] QString shownText() const;

 protected:
    void paintEvent(QPaintEvent* event) override;
    bool event(QEvent* event) override;
};

}  // namespace quantscope
