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
      m_document(parts.document),
      m_tree(new SourceTreeModel(this)),
      m_opener(new CheckpointOpener(*parts.sources, this)),
      m_metrics(new MetricsModel(this)) {
    setAcceptDrops(true);
    setMinimumSize(960, 600);
    resize(1600, 1000);
    buildPanels();
    buildActions();
    buildMenus();
    for (const LabDescriptor& lab : m_parts.labs) addLab(lab);
    m_documents.add(this, m_document);
    connectDocument();
    if (!m_parts.labs.empty()) showLab(m_parts.labs.front().id);
    fillSamples();
    showExperiment(m_document->experiment());
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
    QUndoGroup* undo = m_documents.undo();
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
    connect(undo, &QUndoGroup::indexChanged, this, tips);
    connect(undo, &QUndoGroup::activeStackChanged, this, tips);

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
        if (m_document->work(m_document->shownLab().id).busy) return m_document->cancel();
        if (m_themes->isPresentation()) setPresentation(false);
    });
    connect(m_topBar, &TopBar::tabChosen, this,
            [this](int index) { showLab(m_parts.labs[static_cast<size_t>(index)].id); });
}

void MainWindow::connectDocument() {
    connect(m_document, &Document::requestChanged, this,
            [this](const LabRequest& request) { showExperiment(request.experiment); });
    connect(m_document, &Document::resultsChanged, this,
            [this](const std::string&, const std::shared_ptr<const LabResults>& results) {
                showResults(results);
            });
    connect(m_document, &Document::workChanged, this, [this](const std::string& lab) {
        if (lab == m_document->shownLab().id) m_jobs->setWork(m_document->work(lab));
    });
    connect(m_jobs, &JobsStrip::cancelRequested, m_document, &Document::cancel);
    connect(m_jobs->kernelChooser(), &KernelChooser::changed, m_document, &Document::computeAgain);
    connect(m_jobs->kernelChooser(), &KernelChooser::failed, this, &MainWindow::showError);
    connectExporter();
    connectCalibrationSaver();
    connect(m_variantsPanel, &VariantsPanel::edited, this,
            [this](const std::vector<Variant>& variants, const EditOrigin& origin) {
                Experiment next = m_document->experiment();
                const auto& own = shownLab().variants;
                (own ? own(next) : next.variants) = variants;
                m_document->edit(next, origin);
            });
    connect(m_variantsPanel, &VariantsPanel::refused, m_messages, &MessageBar::showMessage);
    connect(m_sourcesPanel, &SourcesPanel::sourceChosen, this, &MainWindow::chooseSource);
    connect(m_sourcesPanel, &SourcesPanel::fileActivated, this,
            [this](const std::string& path) { openPath(QString::fromStdString(path)); });
    connect(m_sourcesPanel, &SourcesPanel::modelChosen, this, [this](const std::string& path) {
        useModel(path);
        if (const LabDescriptor* lab = labOfModels()) showLab(lab->id);
    });
    connect(m_sourcesPanel, &SourcesPanel::closeRequested, this, &MainWindow::closeCheckpoint);
    connect(m_opener, &CheckpointOpener::opened, this, &MainWindow::addOpened);
    connect(m_opener, &CheckpointOpener::failed, this, &MainWindow::showError);
}

void MainWindow::addLab(const LabDescriptor& lab) {
    const int index = m_topBar->addTab(lab.title, tr("%1 (Ctrl+%2)").arg(lab.tip).arg(m_stack->count() + 1));
    m_stack->addWidget(lab.make({m_themes, m_document, this, m_parts.samples}));
    auto* key = new QShortcut(QKeySequence(QStringLiteral("Ctrl+%1").arg(index + 1)), this);
    connect(key, &QShortcut::activated, this, [this, id = lab.id] { showLab(id); });
}

void MainWindow::showLab(const std::string& id) {
    const auto& labs = m_parts.labs;
    const auto found = std::find_if(labs.begin(), labs.end(), [&](const auto& lab) { return lab.id == id; });
    if (found == labs.end()) return;
    const int index = static_cast<int>(found - labs.begin());
    m_topBar->setCurrentTab(index);
    m_stack->setCurrentIndex(index);
    m_document->showLab(id);
    m_metrics->setMetrics(m_document->shownLab().metrics);
    showExperiment(m_document->experiment());
    showResults(m_document->results(id));
}

const LabDescriptor& MainWindow::shownLab() const {
    return m_parts.labs[static_cast<size_t>(m_stack->currentIndex())];
}

const LabDescriptor* MainWindow::labWithSource() const {
    return shownLab().source ? &shownLab() : firstWithSource();
}

const LabDescriptor* MainWindow::firstWithSource() const {
    const auto found = std::find_if(m_parts.labs.begin(), m_parts.labs.end(),
                                    [](const LabDescriptor& lab) { return bool(lab.source); });
    return found == m_parts.labs.end() ? nullptr : &*found;
}

const LabDescriptor* MainWindow::labOfModels() const {
    const auto found = std::find_if(m_parts.labs.begin(), m_parts.labs.end(),
                                    [](const LabDescriptor& lab) { return lab.showsModels; });
    return found == m_parts.labs.end() ? nullptr : &*found;
}

void MainWindow::showExperiment(const Experiment& experiment) {
    const std::vector<Variant> variants = variantsOf(shownLab(), experiment);
    m_variantsPanel->setVariants(variants);
    m_metrics->setVariants(variants);
    if (const LabDescriptor* lab = labWithSource()) m_sourcesPanel->showSource(lab->source(experiment));
    updateActivations();
}

void MainWindow::showResults(const std::shared_ptr<const LabResults>& results) {
    m_metrics->setResults(results);
    if (!results) return;
    std::vector<double> bits;
    std::vector<QString> errors;
    for (const VariantRow& row : results->rows) {
        bits.push_back(row.bits);
        errors.push_back(row.error ? QString::fromStdString(describe(*row.error)) : QString());
    }
    // A run that has not scored anything yet leaves what is known.
    const auto isKnown = [](double value) { return value > 0; };
    if (results->complete || std::any_of(bits.begin(), bits.end(), isKnown)) m_variantsPanel->setBits(bits);
    m_variantsPanel->setErrors(errors);
    updateTitle(QString::fromStdString(results->title));
    m_jobs->setSummary(QString::fromStdString(results->summary));
}

void MainWindow::openVariant(int variant) {
    m_variantsPanel->openCard(variant);
}

/// By their own names, and by those of their weights in the file.
void MainWindow::markLayers(const std::set<std::string>& layers) {
    std::set<std::string> names = layers;
    for (const LinearInfo& layer : m_models[m_document->experiment().model.modelPath])
        if (layers.contains(layer.name)) names.insert(layer.tensorName);
    m_tree->setOutliers(std::move(names));
}

/// A tensor of the tree: what it means, the lab says.
void MainWindow::chooseSource(const MatrixSource& source) {
    const LabDescriptor* lab = labWithSource();
    if (!lab) return;
    Experiment next = m_document->experiment();
    lab->chooseSource(next, source, m_models[next.model.modelPath]);
    m_document->edit(next, EditOrigin{tr("source"), 0});
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
    return m_opener->pending() == 0 && m_wantedTensor.isEmpty() && m_document->isSettled();
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
