// SPDX-License-Identifier: GPL-3.0-or-later
#include "shell/main_window.h"

#include <QAction>
#include <QApplication>
#include <QBoxLayout>
#include <QCloseEvent>
#include <QDockWidget>
#include <QLocale>
#include <QMenu>
#include <QMimeData>
#include <QSettings>
#include <QShortcut>
#include <QStackedWidget>
#include <QStatusBar>
#include <QTreeView>
#include <algorithm>

#include "app/experiment/matmul_choices.h"
#include "app/experiment/tensor_part.h"
#include "shell/jobs_strip.h"
#include "shell/kernel_chooser.h"
#include "shell/message_bar.h"
#include "shell/metrics_model.h"
#include "shell/metrics_panel.h"
#include "shell/source_tree_model.h"
#include "shell/sources_panel.h"
#include "shell/top_bar.h"
#include "shell/variants_panel.h"
#include "theme/small_widgets.h"
#include "theme/theme_controller.h"

namespace quantscope {
namespace {

/// The variants that the panel and the table show with this lab.
const std::vector<Variant>& variantsOf(const Experiment& experiment, LabKind lab) {
    return lab == LabKind::Matmul ? experiment.part<MatmulPart>().products : experiment.variants;
}

QDockWidget* makeDock(const QString& title, const QString& name, QWidget* content) {
    auto* dock = new QDockWidget(title);
    dock->setObjectName(name);
    dock->setFeatures(QDockWidget::NoDockWidgetFeatures);
    dock->setTitleBarWidget(new QWidget(dock));
    dock->setWidget(content);
    return dock;
}

}  // namespace

MainWindow::MainWindow(const WindowParts& parts, QWidget* parent)
    : QMainWindow(parent),
      m_parts(parts),
      m_themes(parts.themes),
      m_session(parts.session),
      m_tree(new SourceTreeModel(this)),
      m_opener(new CheckpointOpener(*parts.sources, this)),
      m_metrics(new MetricsModel(this)) {
    setAcceptDrops(true);
    setMinimumSize(960, 600);
    resize(1600, 1000);
    buildPanels();
    buildActions();
    buildMenus();
    connectSession();
    fillSamples();
    showExperiment(m_session->experiment());
    openReferenced();
    m_defaultDocks = saveState();
    m_sourcesPanel->setFocus();
    if (m_parts.remembers) {
        QSettings settings;
        restoreGeometry(settings.value(QStringLiteral("geometry")).toByteArray());
        restoreState(settings.value(QStringLiteral("docks")).toByteArray());
    }
}

MainWindow::~MainWindow() = default;

void MainWindow::buildPanels() {
    m_topBar = new TopBar(m_themes);
    setMenuWidget(m_topBar);

    m_sourcesPanel = new SourcesPanel(m_themes, m_tree);
    m_sourcesDock = makeDock(tr("Sources"), QStringLiteral("sources"), m_sourcesPanel);
    addDockWidget(Qt::LeftDockWidgetArea, m_sourcesDock);
    m_variantsPanel = new VariantsPanel(m_themes);
    m_variantsDock = makeDock(tr("Variants"), QStringLiteral("variants"), m_variantsPanel);
    addDockWidget(Qt::RightDockWidgetArea, m_variantsDock);
    resizeDocks({m_sourcesDock, m_variantsDock}, {252, 290}, Qt::Horizontal);
    m_sourcesDock->installEventFilter(this);
    connect(m_themes, &ThemeController::changed, this, [this](const Theme& theme) {
        resizeDocks({m_sourcesDock, m_variantsDock}, {theme.px(252), theme.px(290)}, Qt::Horizontal);
        fitToSize();
    });

    m_messages = new MessageBar(m_themes);
    m_stack = new QStackedWidget;
    m_metricsPanel = new MetricsPanel(m_themes, m_metrics);
    auto* centre = new QWidget;
    centre->setProperty("look", "backdrop");
    auto* column = new QVBoxLayout(centre);
    column->setContentsMargins(0, 0, 0, 0);
    column->setSpacing(0);
    column->addWidget(m_messages);
    column->addWidget(m_stack, 1);
    auto* tableRow = new QHBoxLayout;
    tableRow->setContentsMargins(12, 0, 12, 10);
    tableRow->addWidget(m_metricsPanel);
    column->addLayout(tableRow);
    setCentralWidget(centre);

    m_jobs = new JobsStrip(m_themes, *m_parts.kernels);
    statusBar()->setSizeGripEnabled(false);
    statusBar()->addPermanentWidget(m_jobs, 1);
    statusBar()->setContentsMargins(0, 0, 0, 0);
}

void MainWindow::buildActions() {
    QUndoStack* undo = m_session->undoStack();
    QAction* undoAction = undo->createUndoAction(this, tr("Undo"));
    undoAction->setShortcut(QKeySequence::Undo);
    QAction* redoAction = undo->createRedoAction(this, tr("Redo"));
    redoAction->setShortcuts({QKeySequence(tr("Ctrl+Shift+Z")), QKeySequence(QKeySequence::Redo)});
    const auto tips = [undo, undoAction, redoAction] {
        undoAction->setIconText(tr("Undo"));
        redoAction->setIconText(tr("Redo"));
        undoAction->setToolTip(undo->canUndo() ? tr("Undo %1 (Ctrl+Z)").arg(undo->undoText())
                                               : tr("Nothing to undo"));
        redoAction->setToolTip(undo->canRedo() ? tr("Redo %1 (Ctrl+Shift+Z)").arg(undo->redoText())
                                               : tr("Nothing to redo"));
    };
    tips();
    connect(undo, &QUndoStack::indexChanged, this, tips);

    auto* theme = new QAction(tr("Light / Dark"), this);
    theme->setShortcut(QKeySequence(tr("Ctrl+L")));
    theme->setToolTip(tr("Switch between the light and the dark theme (Ctrl+L)"));
    connect(theme, &QAction::triggered, this, [this] { m_themes->setDark(!m_themes->isDark()); });
    auto* present = new QAction(tr("Present"), this);
    present->setShortcut(QKeySequence(Qt::Key_F11));
    present->setToolTip(tr("Presentation: large type, thick lines, full screen (F11)"));
    connect(present, &QAction::triggered, this, [this] { setPresentation(!m_themes->isPresentation()); });
    for (QAction* action : {undoAction, redoAction, theme, present}) {
        addAction(action);
        m_topBar->addAction(action);
    }
    auto* more = new IconButton(m_themes, IconButton::Icon::More, tr("Menu (F10)"));
    m_topBar->addIcon(more);
    m_menu = new QMenu(this);
    const auto popUp = [this, more] {
        m_menu->popup(more->mapToGlobal(QPoint(more->width() - m_menu->sizeHint().width(), more->height())));
    };
    connect(more, &IconButton::clicked, this, popUp);
    connect(new QShortcut(QKeySequence(Qt::Key_F10), this), &QShortcut::activated, this, popUp);
    connect(new QShortcut(QKeySequence(Qt::Key_Escape), this), &QShortcut::activated, this, [this] {
        if (m_session->work(m_session->activeLab()).busy) return m_session->cancel();
        if (m_themes->isPresentation()) setPresentation(false);
    });
    connect(m_topBar, &TopBar::tabChosen, this,
            [this](int index) { showLab(m_labs[static_cast<size_t>(index)]); });
}

void MainWindow::connectSession() {
    connect(m_session, &SessionController::requestChanged, this,
            [this](const LabRequest& request) { showExperiment(request.experiment); });
    connect(m_session, &SessionController::tensorResultsChanged, this, &MainWindow::showTensorResults);
    connect(m_session, &SessionController::modelResultsChanged, this, &MainWindow::showModelResults);
    connect(m_session, &SessionController::matmulResultsChanged, this, &MainWindow::showMatmulResults);
    connect(m_session, &SessionController::workChanged, this, [this](LabKind lab) {
        if (lab == m_session->activeLab()) m_jobs->setWork(m_session->work(lab));
    });
    connect(m_jobs, &JobsStrip::cancelRequested, m_session, &SessionController::cancel);
    connect(m_jobs->kernelChooser(), &KernelChooser::changed, m_session, &SessionController::computeAgain);
    connect(m_jobs->kernelChooser(), &KernelChooser::failed, this, &MainWindow::showError);
    connectExporter();
    connectCalibrationSaver();
    connect(m_variantsPanel, &VariantsPanel::edited, this,
            [this](const std::vector<Variant>& variants, const EditOrigin& origin) {
                Experiment next = m_session->experiment();
                const bool isProduct = m_session->activeLab() == LabKind::Matmul;
                (isProduct ? next.edit<MatmulPart>().products : next.variants) = variants;
                m_session->edit(next, origin);
            });
    connect(m_variantsPanel, &VariantsPanel::refused, m_messages, &MessageBar::showMessage);
    connect(m_sourcesPanel, &SourcesPanel::sourceChosen, this, &MainWindow::chooseSource);
    connect(m_sourcesPanel, &SourcesPanel::fileActivated, this,
            [this](const std::string& path) { openPath(QString::fromStdString(path)); });
    connect(m_sourcesPanel, &SourcesPanel::modelChosen, this, [this](const std::string& path) {
        useModel(path);
        showLab(LabKind::Model);
    });
    connect(m_sourcesPanel, &SourcesPanel::closeRequested, this, &MainWindow::closeCheckpoint);
    connect(m_opener, &CheckpointOpener::opened, this, &MainWindow::addOpened);
    connect(m_opener, &CheckpointOpener::failed, this, &MainWindow::showError);
}

void MainWindow::addLab(LabKind kind, const QString& title, const QString& tip, QWidget* lab) {
    const int index = m_topBar->addTab(title, tr("%1 (Ctrl+%2)").arg(tip).arg(m_labs.size() + 1));
    m_labs.push_back(kind);
    m_stack->addWidget(lab);
    auto* key = new QShortcut(QKeySequence(QStringLiteral("Ctrl+%1").arg(index + 1)), this);
    connect(key, &QShortcut::activated, this, [this, kind] { showLab(kind); });
    if (index == 0) showLab(kind);
}

void MainWindow::showLab(LabKind kind) {
    const auto found = std::find(m_labs.begin(), m_labs.end(), kind);
    if (found == m_labs.end()) return;
    const int index = static_cast<int>(found - m_labs.begin());
    m_topBar->setCurrentTab(index);
    m_stack->setCurrentIndex(index);
    m_metrics->setLab(kind);
    m_session->setActiveLab(kind);
    showExperiment(m_session->experiment());
    if (kind == LabKind::Tensor) showTensorResults(m_session->tensorResults());
    if (kind == LabKind::Model) showModelResults(m_session->modelResults());
    if (kind == LabKind::Matmul) showMatmulResults(m_session->matmulResults());
}

void MainWindow::showExperiment(const Experiment& experiment) {
    const LabKind lab = m_session->activeLab();
    m_variantsPanel->setVariants(variantsOf(experiment, lab));
    m_metrics->setVariants(variantsOf(experiment, lab));
    m_sourcesPanel->showSource(lab == LabKind::Matmul ? experiment.part<MatmulPart>().source.w
                                                      : experiment.part<TensorPart>().matrix);
    updateActivations();
}

void MainWindow::showTensorResults(const std::shared_ptr<const TensorResults>& results) {
    m_metrics->setTensorResults(results);
    if (!results || m_session->activeLab() != LabKind::Tensor) return;
    std::vector<double> bits;
    std::vector<QString> errors;
    for (const TensorVariantResult& variant : results->variants) {
        bits.push_back(variant.report ? variant.report->metrics.bitsPerWeight : 0);
        errors.push_back(variant.error ? QString::fromStdString(describe(*variant.error)) : QString());
    }
    m_variantsPanel->setBits(bits);
    m_variantsPanel->setErrors(errors);
    updateTitle(QString::fromStdString(results->title));
    if (results->error) return m_jobs->setSummary({});
    const QString what = results->tier == Tier::Full
                             ? tr("full result")
                             : tr("preview from 1/%1 of the elements").arg(results->inverseShare, 0, 'f', 0);
    m_jobs->setSummary(
        tr("%1 · %2 elements · %3 ms")
            .arg(what, QLocale(QLocale::English).toString(static_cast<qlonglong>(results->matrix.size())))
            .arg(1000 * results->seconds, 0, 'f', results->seconds < 0.01 ? 1 : 0));
}

void MainWindow::showModelResults(const std::shared_ptr<const ModelResults>& results) {
    m_metrics->setModelResults(results);
    if (!results) return;
    if (results->outliers) {
        std::set<std::string> names;
        for (const LayerOutliers& layer : results->outliers->layers) {
            if (layer.frequentChannels > 0) names.insert(layer.layer);
        }
        for (const LinearInfo& layer : m_models[results->request.model.modelPath]) {
            if (names.contains(layer.name)) names.insert(layer.tensorName);
        }
        m_tree->setOutliers(std::move(names));
    }
    if (m_session->activeLab() != LabKind::Model) return;
    std::vector<double> bits;
    for (const VariantScore& score : results->evaluation.variants) bits.push_back(score.bitsPerWeight);
    if (!bits.empty()) m_variantsPanel->setBits(bits);
    m_variantsPanel->setErrors({});
    updateTitle(QString::fromStdString(results->title));
    // What a run has to say comes first: a narrow window cuts the end.
    QStringList summary;
    for (const std::string& note : results->evaluation.notes) summary << QString::fromStdString(note);
    summary << QString::fromStdString(results->architecture);
    m_jobs->setSummary(summary.join(QStringLiteral(" · ")));
}

void MainWindow::showMatmulResults(const std::shared_ptr<const MatmulResults>& results) {
    m_metrics->setMatmulResults(results);
    if (!results || m_session->activeLab() != LabKind::Matmul) return;
    std::vector<double> bits;
    std::vector<QString> errors;
    for (const ProductVariantResult& variant : results->variants) {
        bits.push_back(variant.product ? variant.product->w.quantization.bitsPerWeight : 0);
        errors.push_back(variant.error ? QString::fromStdString(describe(*variant.error)) : QString());
    }
    m_variantsPanel->setBits(bits);
    m_variantsPanel->setErrors(errors);
    updateTitle(QString::fromStdString(results->wTitle));
    if (results->error) return m_jobs->setSummary({});
    m_jobs->setSummary(
        tr("%1 × %2 · %3 ms")
            .arg(QString::fromStdString(results->xTitle), QString::fromStdString(results->wTitle))
            .arg(1000 * results->seconds, 0, 'f', 1));
}

/// A tensor of the tree: what the Tensor lab looks at, or one side of the Matmul lab's product.
void MainWindow::chooseSource(const MatrixSource& source) {
    Experiment next = m_session->experiment();
    if (m_session->activeLab() == LabKind::Matmul) {
        MatmulSource& product = next.edit<MatmulPart>().source;
        product = withChosen(product, source, next.model, m_models[next.model.modelPath]);
    } else {
        next.edit<TensorPart>().matrix = source;
    }
    m_session->edit(next, EditOrigin{tr("source"), 0});
}

void MainWindow::setPresentation(bool presentation) {
    m_themes->setPresentation(presentation);
    if (!isVisible()) return;
    setWindowState(windowState().setFlag(Qt::WindowFullScreen, presentation));
}

void MainWindow::resetLayout() {
    restoreState(m_defaultDocks);
    resizeDocks({m_sourcesDock, m_variantsDock}, {252, 290}, Qt::Horizontal);
    m_themes->setPresentation(false);
    setWindowState(Qt::WindowNoState);
}

bool MainWindow::isSettled() const {
    return m_opener->pending() == 0 && m_wantedTensor.isEmpty() && m_session->isSettled();
}

void MainWindow::updateTitle(const QString& subject) {
    setWindowTitle(subject.isEmpty() ? QStringLiteral("Quantscope") : tr("%1 – Quantscope").arg(subject));
}

void MainWindow::resizeEvent(QResizeEvent* event) {
    QMainWindow::resizeEvent(event);
    fitToSize();
}

/// The tabs begin where the labs do.
void MainWindow::placeTabs() {
    const Theme& theme = m_themes->theme();
    m_topBar->setTabsLeft((m_sourcesDock->isHidden() ? theme.px(130) : m_sourcesDock->width()) +
                          theme.px(40));
}

/// A low window has a tighter table. Where large type makes the window narrow, presenting puts the sources
/// away (Ctrl+B shows them), because nobody in the room needs them.
void MainWindow::fitToSize() {
    const Theme& theme = m_themes->theme();
    constexpr int kLow = 860;
    constexpr int kNarrow = 1200;
    m_metricsPanel->setCompact(height() < theme.px(kLow));
    const bool putAway = theme.isPresentation && width() < theme.px(kNarrow);
    if (putAway == m_presenting) return;
    m_presenting = putAway;
    if (putAway) m_sourcesPutAway = !m_sourcesDock->isHidden();
    if (!m_sourcesPutAway) return;
    m_sourcesDock->setVisible(!putAway);
    if (putAway) m_stack->setFocus();
    placeTabs();
}

bool MainWindow::eventFilter(QObject* watched, QEvent* event) {
    if (watched == m_sourcesDock &&
        (event->type() == QEvent::Resize || event->type() == QEvent::Show || event->type() == QEvent::Hide)) {
        placeTabs();
    }
    return QMainWindow::eventFilter(watched, event);
}

}  // namespace quantscope
