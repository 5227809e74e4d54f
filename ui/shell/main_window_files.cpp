// SPDX-License-Identifier: GPL-3.0-or-later
// Everything of the main window that deals with files: opening, dropping, recent files, sessions.
#include <QCloseEvent>
#include <QDir>
#include <QDockWidget>
#include <QDragEnterEvent>
#include <QDropEvent>
#include <QFileDialog>
#include <QFileInfo>
#include <QMenu>
#include <QMessageBox>
#include <QMimeData>
#include <QSettings>
#include <QStandardPaths>
#include <algorithm>

#include "analysis/tensor/synthetic_sources.h"
#include "shell/main_window.h"
#include "shell/message_bar.h"
#include "shell/source_tree_model.h"
#include "shell/sources_panel.h"
#include "theme/theme_controller.h"

namespace quantscope {
namespace {

constexpr int kRecentFiles = 10;

bool isSessionFile(const QString& path) {
    const QString name = QFileInfo(path).fileName();
    return name.endsWith(QLatin1String(".json")) && name != QLatin1String("config.json") &&
           !name.endsWith(QLatin1String(".index.json"));
}

/// The tensor to show when a file was opened and none was asked for: the first matrix in the middle of a
/// model, the first tensor otherwise.
const TensorEntry* firstWorthShowing(const OpenedCheckpoint& opened) {
    const auto tensors = opened.checkpoint->tensors();
    if (!opened.layers.empty()) {
        const LinearInfo& layer = opened.layers[opened.layers.size() / 2];
        if (const TensorEntry* entry = opened.checkpoint->find(layer.tensorName)) return entry;
    }
    const auto matrix = std::find_if(tensors.begin(), tensors.end(),
                                     [](const TensorEntry& entry) { return entry.shape.size() >= 2; });
    if (matrix != tensors.end()) return &*matrix;
    return tensors.empty() ? nullptr : &tensors.front();
}

}  // namespace

void MainWindow::fillSamples() {
    std::vector<NamedSource> files;
    if (m_parts.samples) {
        const Samples& samples = *m_parts.samples;
        files.push_back({tr("Language model"), tr("2.8M"),
                         tr("A small Llama-style model; opens with a double click"), samples.model.string()});
        for (const auto& path : samples.workedExamples) {
            files.push_back({QString::fromStdString(path.stem().string()),
                             {},
                             tr("A matrix of the worked examples; opens with a double click"),
                             path.string()});
        }
    }
    m_tree->setSamples(std::move(files));
    std::vector<NamedSource> synthetic;
    for (const SyntheticInfo& info : syntheticSources()) {
        synthetic.push_back(
            {QString::fromStdString(info.label), {}, QString::fromStdString(info.help), info.name});
    }
    m_tree->setSynthetic(std::move(synthetic));
}

void MainWindow::openReferenced() {
    for (const std::string& path : checkpointsOf(m_document->experiment(), m_document->labs()))
        if (!m_tree->checkpoint(path)) m_opener->open(path, kShowOnly);
}

void MainWindow::openPath(const QString& path) {
    if (isSessionFile(path)) return openSession(path);
    if (path.endsWith(QLatin1String(".txt"))) {
        Experiment next = m_document->experiment();
        next.model.textPath = path.toStdString();
        return m_document->edit(next, EditOrigin{tr("text"), 0});
    }
    m_opener->open(QFileInfo(path).absoluteFilePath().toStdString(), kUse);
}

void MainWindow::addOpened(const OpenedCheckpoint& opened, int purpose) {
    m_models[opened.path] = opened.layers;
    m_lastOpened = opened.path;
    m_tree->addCheckpoint(opened.checkpoint);
    updateActivations();
    if (purpose != kUse) return;
    m_messages->hide();
    if (opened.notAModel) {
        const QString name = QFileInfo(QString::fromStdString(opened.path)).fileName();
        m_messages->showMessage(tr("%1 is open as tensors only, not as a model: %2")
                                    .arg(name, QString::fromStdString(describe(*opened.notAModel))));
    }
    rememberFile(QString::fromStdString(opened.path));
    if (!m_wantedTensor.isEmpty()) return chooseTensor(std::exchange(m_wantedTensor, QString()));
    const TensorEntry* entry = firstWorthShowing(opened);
    Experiment next = m_document->experiment();
    const LabDescriptor* lab = firstWithSource();
    if (entry && lab)
        lab->chooseSource(next, TensorSource{opened.checkpoint->path().string(), entry->name}, opened.layers);
    if (!opened.layers.empty()) next.model.modelPath = opened.path;
    m_document->edit(
        next, EditOrigin{tr("open %1").arg(QFileInfo(QString::fromStdString(opened.path)).fileName()), 0});
}

void MainWindow::chooseTensor(const QString& name) {
    if (m_opener->pending() > 0) {
        m_wantedTensor = name;
        return;
    }
    const auto checkpoint = m_tree->checkpoint(m_lastOpened);
    if (!checkpoint) return;
    const std::string wanted = name.toStdString();
    const TensorEntry* entry = checkpoint->find(wanted);
    if (!entry) entry = checkpoint->find(wanted + ".weight");
    if (!entry) {
        return showError({ErrorKind::NotFound,
                          "there is no tensor \"" + wanted + "\"",
                          m_lastOpened,
                          {},
                          "Choose one of the tensors in the tree"});
    }
    Experiment next = m_document->experiment();
    if (const LabDescriptor* lab = firstWithSource())
        lab->chooseSource(next, TensorSource{checkpoint->path().string(), entry->name},
                          m_models[m_lastOpened]);
    if (!m_models[m_lastOpened].empty()) next.model.modelPath = m_lastOpened;
    m_document->edit(next, EditOrigin{tr("source"), 0});
}

void MainWindow::useModel(const std::string& path) {
    Experiment next = m_document->experiment();
    next.model.modelPath = path;
    m_document->edit(next, EditOrigin{tr("model"), 0});
}

void MainWindow::closeCheckpoint(const std::string& path) {
    m_models.erase(path);
    m_tree->removeCheckpoint(path);
    updateActivations();
}

void MainWindow::updateActivations() {
    const ActivationSource source = capturedInputs(m_document->experiment());
    const auto found = m_models.find(source.modelPath);
    std::vector<NamedSource> layers;
    if (found != m_models.end() && !source.textPath.empty() && source.tokens > 0) {
        for (const LinearInfo& layer : found->second) {
            layers.push_back(
                {QString::fromStdString(layer.name), tr("%1 wide").arg(layer.inFeatures),
                 tr("Input of %1 over the text: tokens × channels").arg(QString::fromStdString(layer.name)),
                 layer.name});
        }
    }
    m_tree->setActivations(std::move(layers), source);
}

void MainWindow::showError(const Error& error) {
    m_wantedTensor.clear();
    m_messages->showError(error);
}

void MainWindow::chooseFile() {
    const QString path =
        QFileDialog::getOpenFileName(this, tr("Open"), {},
                                     tr("Checkpoints, texts and sessions (*.gguf *.safetensors *.npy *.npz "
                                        "*.csv *.json *.txt);;All files (*)"));
    if (!path.isEmpty()) openPath(path);
}

void MainWindow::chooseFolder() {
    const QString path = QFileDialog::getExistingDirectory(this, tr("Open model folder"));
    if (!path.isEmpty()) openPath(path);
}

void MainWindow::chooseText() {
    const QString path =
        QFileDialog::getOpenFileName(this, tr("Text to evaluate on"), {}, tr("Text (*.txt);;All files (*)"));
    if (path.isEmpty()) return;
    Experiment next = m_document->experiment();
    next.model.textPath = path.toStdString();
    m_document->edit(next, EditOrigin{tr("text"), 0});
}

void MainWindow::chooseSaveSession() {
    QString path = QFileDialog::getSaveFileName(this, tr("Save session"), QStringLiteral("session.json"),
                                                tr("Session (*.json)"));
    if (path.isEmpty()) return;
    if (!path.endsWith(QLatin1String(".json"))) path += QLatin1String(".json");
    const Status status =
        saveSession(path.toStdString(), {m_document->request(), layoutNow()}, m_document->labs());
    if (!status) return showError(status.error());
    rememberFile(path);
}

void MainWindow::openSession(const QString& path) {
    const auto session = loadSession(path.toStdString(), m_document->labs());
    if (!session) return showError(session.error());
    applySession(*session);
    rememberFile(path);
}

void MainWindow::applySession(const Session& session) {
    m_document->reset(session.request);
    m_themes->setDark(session.window.dark);
    if (!session.window.docks.isEmpty()) restoreState(session.window.docks);
    showLab(session.window.lab.toStdString());
    openReferenced();
}

WindowLayout MainWindow::layoutNow() const {
    return {saveGeometry(), saveState(), QString::fromStdString(m_document->shownLab().id),
            m_themes->isDark()};
}

void MainWindow::rememberFile(const QString& path) {
    if (!m_parts.remembers) return;
    QSettings settings;
    QStringList recent = settings.value(QStringLiteral("recentFiles")).toStringList();
    recent.removeAll(path);
    recent.prepend(path);
    while (recent.size() > kRecentFiles) recent.removeLast();
    settings.setValue(QStringLiteral("recentFiles"), recent);
}

void MainWindow::fillRecent() {
    m_recentMenu->clear();
    const QStringList recent =
        m_parts.remembers ? QSettings().value(QStringLiteral("recentFiles")).toStringList() : QStringList();
    for (const QString& path : recent) {
        m_recentMenu->addAction(QDir::toNativeSeparators(path), this, [this, path] { openPath(path); });
    }
    m_recentMenu->menuAction()->setVisible(!recent.isEmpty());
}

void MainWindow::closeEvent(QCloseEvent* event) {
    if (m_parts.remembers) {
        QSettings settings;
        settings.setValue(QStringLiteral("geometry"), saveGeometry());
        settings.setValue(QStringLiteral("docks"), saveState());
        const QString folder = QStandardPaths::writableLocation(QStandardPaths::AppDataLocation);
        // Losing the restored session is no reason to keep somebody from closing the window.
        if (QDir().mkpath(folder)) {
            static_cast<void>(saveSession((folder + QStringLiteral("/last-session.json")).toStdString(),
                                          {m_document->request(), layoutNow()}, m_document->labs()));
        }
    }
    event->accept();
}

void MainWindow::dragEnterEvent(QDragEnterEvent* event) {
    const auto urls = event->mimeData()->urls();
    if (std::any_of(urls.begin(), urls.end(), [](const QUrl& url) { return url.isLocalFile(); })) {
        event->acceptProposedAction();
    }
}

void MainWindow::dropEvent(QDropEvent* event) {
    for (const QUrl& url : event->mimeData()->urls()) {
        if (url.isLocalFile()) openPath(url.toLocalFile());
    }
    event->acceptProposedAction();
}

void MainWindow::showHelp() {
    auto* box = new QMessageBox(this);
    box->setAttribute(Qt::WA_DeleteOnClose);
    box->setWindowTitle(tr("Quantscope"));
    box->setTextFormat(Qt::RichText);
    box->setText(
        tr("<p><b>Quantscope</b> shows what quantization does to a tensor and to a language model, several "
           "variants side by "
           "side.</p>"
           "<p>Choose a source on the left, change a variant on the right; the plots and the table follow "
           "while you drag. "
           "The first variant is the reference. Every plot has a ? that says what it shows.</p>"
           "<table cellspacing='4'>"
           "<tr><td><b>Ctrl+O</b></td><td>open a checkpoint, session or text</td></tr>"
           "<tr><td><b>Ctrl+1, 2, 3…</b></td><td>labs</td></tr>"
           "<tr><td><b>Ctrl+Z, Ctrl+Shift+Z</b></td><td>undo, redo (one step a drag)</td></tr>"
           "<tr><td><b>Ctrl+S</b></td><td>save the session</td></tr>"
           "<tr><td><b>Ctrl+E</b></td><td>export the model under a variant</td></tr>"
           "<tr><td><b>Ctrl+M</b></td><td>which method when</td></tr>"
           "<tr><td><b>F5, Esc</b></td><td>measure again, cancel</td></tr>"
           "<tr><td><b>Ctrl+L, F11</b></td><td>light or dark, presentation</td></tr>"
           "<tr><td><b>Ctrl+B, Ctrl+Shift+B</b></td><td>show or hide sources, variants</td></tr>"
           "<tr><td><b>F2, Ctrl+D, Alt+Up, Del</b></td><td>on a variant: rename, duplicate, move, "
           "remove</td></tr>"
           "<tr><td><b>Shift+F1</b></td><td>what is this?</td></tr></table>"));
    box->open();
}

}  // namespace quantscope
