// SPDX-License-Identifier: GPL-3.0-or-later
#include "shell/variant_card.h"

#include <QBoxLayout>
#include <QLabel>
#include <QPainter>

#include "methods/interface/recipe_editing.h"
#include "shell/variant_header.h"
#include "theme/theme_controller.h"
#include "widgets/parameter_form.h"

namespace quantscope {
namespace {

QString refusal(const Error& error) {
    QString text = QString::fromStdString(error.message);
    if (!error.fix.empty()) text += QStringLiteral(". ") + QString::fromStdString(error.fix);
    return text;
}

}  // namespace

VariantCard::VariantCard(ThemeController* themes, QWidget* parent)
    : QWidget(parent),
      m_themes(themes),
      m_header(new VariantHeader(themes)),
      m_body(new QWidget),
      m_weightForm(new ParameterForm(themes)),
      m_activationHeading(new QLabel(tr("Activations"))),
      m_activationForm(new ParameterForm(themes)),
      m_error(new QLabel) {
    m_activationHeading->setProperty("look", "heading");
    m_error->setProperty("look", "bad");
    m_error->setWordWrap(true);
    m_error->setTextInteractionFlags(Qt::TextSelectableByMouse);
    m_error->hide();
    auto* body = new QVBoxLayout(m_body);
    body->addWidget(m_weightForm);
    body->addWidget(m_activationHeading);
    body->addWidget(m_activationForm);
    body->addWidget(m_error);
    m_body->hide();
    auto* column = new QVBoxLayout(this);
    column->setContentsMargins(0, 0, 0, 0);
    column->setSpacing(0);
    column->addWidget(m_header);
    column->addWidget(m_body);
    setSizePolicy(QSizePolicy::Preferred, QSizePolicy::Fixed);

    connect(m_header, &VariantHeader::toggled, this, [this] { setOpen(!m_isOpen); });
    connect(m_header, &VariantHeader::renamed, this, [this](const QString& name) {
        Variant renamed = m_variant;
        renamed.name = name.toStdString();
        report(renamed, tr("name"), 0);
    });
    connect(m_weightForm, &ParameterForm::edited, this, &VariantCard::editWeights);
    connect(m_activationForm, &ParameterForm::edited, this, &VariantCard::editActivations);
    connect(themes, &ThemeController::changed, this, &VariantCard::applyTheme);
    applyTheme();
}

void VariantCard::applyTheme() {
    const Theme& theme = m_themes->theme();
    m_body->layout()->setContentsMargins(theme.px(10), theme.px(2), theme.px(8), theme.px(10));
    m_body->layout()->setSpacing(theme.px(6));
    const QColor color = theme.variantColor(m_index);
    m_weightForm->setColor(color);
    m_activationForm->setColor(color);
    m_header->setVariant(color, variantLetter(m_index), QString::fromStdString(variantTitle(m_variant)));
    update();
}

void VariantCard::setVariant(int index, const Variant& variant) {
    const bool same = index == m_index && variant == m_variant;
    m_index = index;
    m_variant = variant;
    applyTheme();
    if (m_isOpen && !(same && m_isFilled)) refreshForms();
}

void VariantCard::refreshForms() {
    m_isFilled = true;
    m_weightForm->setParameters(weightParameters(m_variant),
                                [this](const std::string& key) { return weightParameter(m_variant, key); });
    if (const auto objection = objectionTo(m_variant))
        m_weightForm->setError(objection->key, refusal(objection->error));
    const bool isFloat = m_variant.weights.scheme.isFloat() && !m_variant.activations;
    m_activationHeading->setVisible(!isFloat);
    m_activationForm->setVisible(!isFloat);
    m_activationForm->setParameters(activationParameters(m_variant), [this](const std::string& key) {
        return activationParameter(m_variant, key);
    });
}

void VariantCard::setBits(const QString& bits) {
    m_header->setBits(bits);
}

void VariantCard::setError(const QString& message) {
    m_error->setText(message);
    m_error->setVisible(!message.isEmpty());
    m_header->setAlert(!message.isEmpty());
}

void VariantCard::setOpen(bool open) {
    if (open == m_isOpen) return;
    m_isOpen = open;
    if (open) refreshForms();
    m_body->setVisible(open);
    m_header->setOpen(open);
    updateGeometry();
}

void VariantCard::editWeights(const std::string& key, const std::string& value, int drag) {
    const auto changed = withWeightParameter(m_variant, key, value);
    if (!changed) return m_weightForm->setError(key, refusal(changed.error()));
    m_weightForm->setError(key, {});
    report(*changed, QString::fromStdString(key), drag);
}

void VariantCard::editActivations(const std::string& key, const std::string& value, int drag) {
    const auto changed = withActivationParameter(m_variant, key, value);
    if (!changed) return m_activationForm->setError(key, refusal(changed.error()));
    m_activationForm->setError(key, {});
    report(*changed, tr("activation %1").arg(QString::fromStdString(key)), drag);
}

void VariantCard::report(const Variant& variant, const QString& control, int drag) {
    if (variant == m_variant) return;
    Q_EMIT edited(variant, EditOrigin{tr("%1: %2").arg(variantLetter(m_index), control), drag});
}

void VariantCard::paintEvent(QPaintEvent*) {
    const Theme& theme = m_themes->theme();
    QPainter painter(this);
    painter.setRenderHint(QPainter::Antialiasing);
    painter.setPen(Qt::NoPen);
    painter.setBrush(theme.field);
    painter.drawRoundedRect(rect(), theme.px(5), theme.px(5));
}

}  // namespace quantscope
