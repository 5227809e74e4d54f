// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QWidget>

#include "methods/interface/variant.h"
#include "widgets/edit_origin.h"

class QLabel;

namespace quantscope {

class ParameterForm;
class ThemeController;
class VariantHeader;

/// One variant: its header line, and when open its controls, drawn from the descriptions of the method, the
/// scheme and the activation scheme. Holds no state of its own: it shows the variant it was given and reports
/// the one a person made of it. A refused value stays in its control with the reason under it.
class VariantCard : public QWidget {
    Q_OBJECT
 public:
    explicit VariantCard(ThemeController* themes, QWidget* parent = nullptr);

    void setVariant(int index, const Variant& variant);
    [[nodiscard]] const Variant& variant() const { return m_variant; }
    [[nodiscard]] VariantHeader* header() const { return m_header; }
    [[nodiscard]] ParameterForm* weightForm() const { return m_weightForm; }
    [[nodiscard]] ParameterForm* activationForm() const { return m_activationForm; }

    /// "4.31 bits", or why the variant has no result; empty hides it.
    void setBits(const QString& bits);
    void setError(const QString& message);
    void setOpen(bool open);
    [[nodiscard]] bool isOpen() const { return m_isOpen; }

 Q_SIGNALS:
    void edited(const quantscope::Variant& variant, const quantscope::EditOrigin& origin);

 protected:
    void paintEvent(QPaintEvent* event) override;

 private:
    void refreshForms();
    void editWeights(const std::string& key, const std::string& value, int drag);
    void editActivations(const std::string& key, const std::string& value, int drag);
    void report(const Variant& variant, const QString& control, int drag);
    void applyTheme();

    ThemeController* m_themes;
    VariantHeader* m_header;
    QWidget* m_body;
    ParameterForm* m_weightForm;
    QLabel* m_activationHeading;
    ParameterForm* m_activationForm;
    QLabel* m_error;
    Variant m_variant;
    int m_index = 0;
    bool m_isOpen = false;
    bool m_isFilled = false;  ///< the controls show a variant
};

}  // namespace quantscope
