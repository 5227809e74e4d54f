// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QLabel>

#include "labs/lab_descriptor.h"
#include "labs/lab_widget.h"
#include "support/parameter_count_lab.h"
#include "theme/card.h"
#include "widgets/document.h"

// The window's side of the lab that shows one number.

namespace quantscope::test {

class CountLabWidget final : public LabWidget {
 public:
    explicit CountLabWidget(ThemeController* themes) : LabWidget(themes), m_number(new QLabel) {
        addRow({{addCard(QStringLiteral("Parameters"), m_number, {}), 1}}, 100, 1);
    }
    [[nodiscard]] QString number() const { return m_number->text(); }

 protected:
    void keep(const std::shared_ptr<const LabResults>& results) override {
        m_results = std::dynamic_pointer_cast<const CountResults>(results);
    }
    void refresh() override {
        if (!m_results) return;
        setTitle(QString::fromStdString(m_results->title), {});
        m_number->setText(QString::number(m_results->parameters));
    }

 private:
    QLabel* m_number;
    std::shared_ptr<const CountResults> m_results;
};

inline LabDescriptor countLabDescriptor() {
    LabDescriptor lab;
    lab.id = CountPart::kLab;
    lab.title = QStringLiteral("Count");
    lab.tip = QStringLiteral("How many weights there are");
    lab.make = [](const LabContext& context) -> QWidget* {
        auto* widget = new CountLabWidget(context.themes);
        widget->follow(*context.document, CountPart::kLab);
        return widget;
    };
    return lab;
}

}  // namespace quantscope::test
