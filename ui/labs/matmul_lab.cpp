// SPDX-License-Identifier: GPL-3.0-or-later
#include "labs/matmul_lab.h"

#include <QHBoxLayout>
#include <QLabel>
#include <QPushButton>
#include <QShortcut>
#include <QVBoxLayout>
#include <algorithm>

#include "labs/matmul_series.h"
#include "plots/accumulator_view.h"
#include "plots/arithmetic_view.h"
#include "plots/kernel_view.h"
#include "plots/number_format.h"
#include "plots/product_view.h"
#include "plots/roofline_view.h"
#include "theme/card.h"
#include "theme/theme_controller.h"

namespace quantscope {
namespace {

constexpr int kPlayMs[] = {1600, 700, 200};

QStringList labelsOf(const std::vector<MatmulChoice>& choices) {
    QStringList labels;
    for (const MatmulChoice& choice : choices) labels << QString::fromStdString(choice.label);
    return labels;
}

/// What a side is called when it is in no list: a tensor chosen in the tree.
void showChoice(HeaderChoice* box, QStringList labels, std::optional<size_t> index, const QString& title) {
    if (!index) {
        labels << title;
        index = static_cast<size_t>(labels.size()) - 1;
    }
    box->setItems(labels);
    box->choose(static_cast<int>(*index));
}

}  // namespace

MatmulLab::MatmulLab(ThemeController* themes, QWidget* parent) : LabWidget(themes, parent) {
    buildHeader();
    buildProductRow();
    buildResultRow();
    buildCostRow();
    addKeys();
    connect(&m_play, &QTimer::timeout, this, &MatmulLab::playOn);
    setTitle(tr("Matmul lab"), tr("choose X and W"));
}

void MatmulLab::buildHeader() {
    m_xChoice = new HeaderChoice(tr("X: rows are tokens, columns inputs"));
    m_wChoice = new HeaderChoice(tr("W: the weights that multiply it"));
    for (auto [box, name] : {std::pair(m_xChoice, tr("X")), std::pair(m_wChoice, tr("W"))}) {
        box->setMaximumWidth(250);
        header()->addWidget(new QLabel(name));
        header()->addWidget(box);
    }
    connect(m_xChoice, &QComboBox::activated, this, [this](int index) {
        Q_EMIT sourceChosen(withX(m_source, m_choices, static_cast<size_t>(index)));
    });
    connect(m_wChoice, &QComboBox::activated, this, [this](int index) {
        Q_EMIT sourceChosen(withW(m_source, m_choices, static_cast<size_t>(index)));
    });
}

void MatmulLab::buildProductRow() {
    m_product = new ProductView(themes());
    m_stepText = new ArithmeticView(themes());
    connect(themes(), &ThemeController::changed, this, &MatmulLab::fitStepText);
    fitStepText();
    m_stepText->setExplanation(
        tr("<p>This step's arithmetic: the two codes, their product, and the int32 accumulator "
           "before and after.</p>"));
    auto* content = new QWidget;
    auto* column = new QVBoxLayout(content);
    column->setContentsMargins(0, 0, 0, 0);
    column->setSpacing(2);
    column->addWidget(m_product, 1);
    column->addWidget(m_stepText);
    m_productCard = addCard(tr("Codes"), content, m_product->explanation());
    m_variantChoice = new HeaderChoice(tr("Variant to step through"));
    connect(m_variantChoice, &QComboBox::activated, this, &MatmulLab::variantChosen);
    m_stepLabel = new QLabel;
    const auto button = [this](const QString& text, const QString& tip, auto&& slot) {
        auto* made = new QPushButton(text);
        made->setToolTip(tip);
        made->setFocusPolicy(Qt::TabFocus);
        connect(made, &QPushButton::clicked, this, slot);
        return made;
    };
    m_playButton = button(tr("Play"), tr("Step through the whole product (Space)"),
                          [this] { setPlaying(!isPlaying()); });
    m_speedChoice = new HeaderChoice(tr("How fast it plays"));
    m_speedChoice->setItems({tr("slow"), tr("medium"), tr("fast")});
    m_speedChoice->choose(1);
    connect(m_speedChoice, &QComboBox::activated, this,
            [this](int index) { m_play.setInterval(kPlayMs[index]); });
    m_productCard->addHeaderWidget(m_variantChoice);
    m_productCard->addHeaderWidget(m_stepLabel);
    m_productCard->addHeaderWidget(
        button(tr("First"), tr("The first step of this cell (Home)"), [this] { setStep(0); }));
    m_productCard->addHeaderWidget(button(tr("Back"), tr("One step back (Left)"), [this] { stepBack(); }));
    m_productCard->addHeaderWidget(button(
        tr("Step"), tr("One step on; after the last, the next cell (Right)"), [this] { stepForward(); }));
    m_productCard->addHeaderWidget(
        button(tr("Last"), tr("The last step of this cell (End)"), [this] { setStep(depth() - 1); }));
    m_productCard->addHeaderWidget(m_playButton);
    m_productCard->addHeaderWidget(m_speedChoice);
    connect(m_product, &ProductView::cellChosen, this,
            [this](qint64 row, qint64 channel) { chooseCell(row, channel, depth() - 1); });
    connect(m_product, &ProductView::stepChosen, this, &MatmulLab::setStep);
    addRow({{m_productCard, 1}}, 290, 7);
}

void MatmulLab::buildResultRow() {
    m_resultText = new ArithmeticView(themes());
    m_resultText->setExplanation(tr(
        "<p>From the sum of code products to the value: Σ (a − Z<sub>A</sub>)(b − Z<sub>B</sub>) = Σ a b − "
        "Z<sub>B</sub> "
        "Σ a − Z<sub>A</sub> Σ b + K Z<sub>A</sub> Z<sub>B</sub>. With weights b and input a, Σ b and the "
        "last term are "
        "known before the input arrives and fold into the bias; Z<sub>B</sub> Σ a is the price of asymmetric "
        "weights.</p>"
        "<p>The integer output stage multiplies by M = S<sub>A</sub> S<sub>B</sub> / S<sub>C</sub> = "
        "2<sup>−n</sup> "
        "M<sub>0</sub> with M<sub>0</sub> in [0.5, 1) as a 32-bit integer: a rounding doubling high "
        "multiply, then a "
        "rounding right shift by n (Jacobs et al. 2018).</p>"));
    m_resultCard = addCard(tr("From the sum to the result"), m_resultText, m_resultText->explanation());
    m_reluChoice = new HeaderChoice(tr("Activation fused into the int8 output"));
    m_reluChoice->setItems({tr("no ReLU"), tr("ReLU")});
    m_resultCard->addHeaderWidget(m_reluChoice);
    connect(m_reluChoice, &QComboBox::activated, this, [this](int index) { Q_EMIT reluChosen(index == 1); });
    m_accumulators = new AccumulatorView(themes());
    m_accumulatorCard = addCard(tr("Accumulators"), m_accumulators, m_accumulators->explanation());
    addRow({{m_resultCard, 3}, {m_accumulatorCard, 2}}, 200, 3);
}

void MatmulLab::buildCostRow() {
    m_kernels = new KernelView(themes());
    m_kernelCard = addCard(tr("Kernels on this machine"), m_kernels, m_kernels->explanation());
    m_measureButton = new QPushButton(tr("Run on every kernel"));
    m_measureButton->setToolTip(tr("Times the whole product; takes a few seconds for a layer"));
    connect(m_measureButton, &QPushButton::clicked, this, &MatmulLab::measureRequested);
    m_kernelCard->addHeaderWidget(m_measureButton);
    m_roofline = new RooflineView(themes());
    m_rooflineCard = addCard(tr("Roofline"), m_roofline, m_roofline->explanation());
    m_costText = new ArithmeticView(themes());
    m_costText->setExplanation(
        tr("<p>The parts of the product, each the fastest of several runs. <i>Folded</i>: Z<sub>A</sub> Σ b "
           "and K "
           "Z<sub>A</sub> Z<sub>B</sub> are in the bias; <i>unfolded</i>: Σ b is computed with every "
           "product.</p>"
           "<p><i>Dynamic</i> ranges are found in the input at hand, <i>static</i> ones were found before. "
           "<i>Unpack W</i>: codes a second from packed bits, in plain C++ on one core, and its share if W "
           "were unpacked "
           "for every product.</p>"
           "<p><i>int4</i>: one token times the weight in 4 bits; dequantized inside the product, or to a "
           "float matrix "
           "first, which moves more bytes.</p>"));
    m_costCard = addCard(tr("What the parts cost"), m_costText, m_costText->explanation());
    addRow({{m_kernelCard, 6}, {m_rooflineCard, 4}, {m_costCard, 5}}, 244, 4);
}

void MatmulLab::addKeys() {
    const auto key = [this](const QKeySequence& sequence, auto&& slot) {
        auto* shortcut = new QShortcut(sequence, m_product, nullptr, nullptr, Qt::WidgetWithChildrenShortcut);
        connect(shortcut, &QShortcut::activated, this, slot);
    };
    key(Qt::Key_Right, [this] { stepForward(); });
    key(Qt::Key_Left, [this] { stepBack(); });
    key(Qt::Key_Home, [this] { setStep(0); });
    key(Qt::Key_End, [this] { setStep(depth() - 1); });
    key(Qt::Key_Down, [this] { moveCell(1, 0); });
    key(Qt::Key_Up, [this] { moveCell(-1, 0); });
    key(QKeySequence(tr("Shift+Right")), [this] { moveCell(0, 1); });
    key(QKeySequence(tr("Shift+Left")), [this] { moveCell(0, -1); });
    key(Qt::Key_Space, [this] { setPlaying(!isPlaying()); });
}

qint64 MatmulLab::depth() const {
    return m_results ? m_results->w.cols() : 0;
}

void MatmulLab::keep(const std::shared_ptr<const LabResults>& results) {
    m_results = std::dynamic_pointer_cast<const MatmulResults>(results);
}

void MatmulLab::refreshBesideError() {
    if (m_results) refreshChoices();
}

void MatmulLab::setRequest(const LabRequest& request) {
    const auto& part = request.experiment.part<MatmulPart>();
    const auto& view = request.views.get<MatmulView>();
    m_source = part.source;
    m_measures = view.measurement > 0;
    m_reluChoice->choose(part.relu ? 1 : 0);
    if (m_step == view.step) return;
    m_step = view.step;
    if (m_results && isVisible()) refreshStep();
}

void MatmulLab::setStep(qint64 step) {
    const qint64 clamped = std::clamp<qint64>(step, 0, std::max<qint64>(0, depth() - 1));
    if (clamped == m_step) return;
    m_step = clamped;
    refreshStep();
    Q_EMIT stepChosen(m_step);
}

void MatmulLab::chooseCell(qint64 row, qint64 channel, qint64 step) {
    m_step = std::max<qint64>(0, step);
    Q_EMIT stepChosen(m_step);
    Q_EMIT cellChosen(row, channel);
}

void MatmulLab::stepForward() {
    if (!m_results || !m_results->trace) return;
    if (m_step + 1 < depth()) return setStep(m_step + 1);
    const qint64 channels = m_results->w.rows();
    const qint64 next = m_results->trace->row * channels + m_results->trace->channel + 1;
    if (next >= channels * m_results->x.rows()) return setPlaying(false);
    chooseCell(next / channels, next % channels, 0);
}

void MatmulLab::stepBack() {
    if (!m_results || !m_results->trace) return;
    if (m_step > 0) return setStep(m_step - 1);
    const qint64 channels = m_results->w.rows();
    const qint64 previous = m_results->trace->row * channels + m_results->trace->channel - 1;
    if (previous >= 0) chooseCell(previous / channels, previous % channels, depth() - 1);
}

void MatmulLab::moveCell(int rows, int channels) {
    if (!m_results || !m_results->trace) return;
    const ProductTrace& trace = *m_results->trace;
    const qint64 row = std::clamp<qint64>(trace.row + rows, 0, m_results->x.rows() - 1);
    const qint64 channel = std::clamp<qint64>(trace.channel + channels, 0, m_results->w.rows() - 1);
    if (row != trace.row || channel != trace.channel) chooseCell(row, channel, depth() - 1);
}

void MatmulLab::setPlaying(bool playing) {
    if (playing == isPlaying()) return;
    if (playing) {
        m_play.start(kPlayMs[std::clamp(m_speedChoice->currentIndex(), 0, 2)]);
    } else {
        m_play.stop();
    }
    m_playButton->setText(playing ? tr("Pause") : tr("Play"));
}

void MatmulLab::playOn() {
    stepForward();
}

void MatmulLab::showEvent(QShowEvent* event) {
    LabWidget::showEvent(event);
    m_product->setFocus();
}

void MatmulLab::hideEvent(QHideEvent* event) {
    setPlaying(false);
    LabWidget::hideEvent(event);
}

void MatmulLab::refreshChoices() {
    const MatmulResults& results = *m_results;
    m_choices =
        matmulChoices(m_samples ? &*m_samples : nullptr, results.request.model, results.layers, depth());
    showChoice(m_xChoice, labelsOf(m_choices.x), indexOfX(m_choices, m_source),
               QString::fromStdString(results.xTitle));
    showChoice(m_wChoice, labelsOf(m_choices.w), indexOfW(m_choices, m_source),
               QString::fromStdString(results.wTitle));
    QStringList titles;
    for (size_t i = 0; i < results.variants.size(); ++i)
        titles << variantLetter(static_cast<int>(i)) + QStringLiteral("  ") +
                      QString::fromStdString(results.variants[i].title);
    m_variantChoice->setItems(titles);
    m_variantChoice->choose(results.variant);
}

void MatmulLab::refresh() {
    if (!m_results) return;
    const MatmulResults& results = *m_results;
    refreshChoices();
    QString details =
        tr("X %1 × %2 · W %2 × %3")
            .arg(formatCount(results.x.rows()), formatCount(results.x.cols()), formatCount(results.w.rows()));
    if (results.allRows > results.x.rows())
        details += tr(" · the first rows of %1").arg(formatCount(results.allRows));
    if (results.allChannels > results.w.rows())
        details += tr(" · the first channels of %1").arg(formatCount(results.allChannels));
    setTitle(QStringLiteral("Y = X W"), details);
    refreshProduct();
    refreshCosts();
}

void MatmulLab::refreshProduct() {
    const ProductVariantResult* variant = shownVariant(*m_results);
    const bool failed = !variant || variant->error;
    for (Card* card : {m_productCard, m_resultCard, m_accumulatorCard}) {
        if (!failed) {
            card->showContent();
        } else if (variant) {
            card->showError(QString::fromStdString(variant->error->message),
                            QString::fromStdString(variant->error->fix));
        } else {
            card->showEmpty(tr("Add a variant on the right to multiply with"));
        }
    }
    m_productCard->setTitle(tr("Codes"));
    m_accumulators->setSeries(accumulatorSeries(*m_results));
    m_accumulatorCard->setSubtitle(accumulatorText(*m_results));
    if (!failed) refreshStep();
}

/// As high as its lines, so that the matrices get the rest.
void MatmulLab::fitStepText() {
    const auto lines = static_cast<double>(std::max<size_t>(2, m_stepText->lines().size()));
    m_stepText->setFixedHeight(themes()->theme().px(10 + 22 * lines));
}

void MatmulLab::refreshStep() {
    const MatmulResults& results = *m_results;
    m_product->setSeries(productSeries(results, m_step));
    m_stepText->setLines(stepLines(results, m_step));
    fitStepText();
    m_resultText->setLines(resultLines(results));
    if (!results.trace) return;
    m_stepLabel->setText(tr("step %1 of %2").arg(std::min(m_step, depth() - 1) + 1).arg(depth()));
    m_resultCard->setSubtitle(
        tr("row %1, output channel %2").arg(results.trace->row).arg(results.trace->channel));
}

void MatmulLab::refreshCosts() {
    const MatmulResults& results = *m_results;
    m_kernels->setRows(kernelRows(results));
    m_roofline->setSeries(rooflineSeries(results));
    m_costText->setLines(costLines(results));
    const bool measuring = m_measures && !results.complete;
    m_measureButton->setText(results.costs ? tr("Run again")
                             : measuring   ? tr("Running…")
                                           : tr("Run on every kernel"));
    for (Card* card : {m_kernelCard, m_rooflineCard, m_costCard}) {
        if (results.costsError)
            card->showError(QString::fromStdString(results.costsError->message),
                            QString::fromStdString(results.costsError->fix));
        else
            card->showContent();
    }
    m_kernelCard->setSubtitle({});
    if (!results.costs) return m_costCard->showEmpty(tr("Measured together with the kernels."));
    const ProductCosts& costs = *results.costs;
    m_kernelCard->setSubtitle(tr("GOPS, share of peak · M %1 N %2 K %3 · threads %4")
                                  .arg(costs.rows)
                                  .arg(costs.channels)
                                  .arg(costs.depth)
                                  .arg(costs.threads));
}

}  // namespace quantscope
