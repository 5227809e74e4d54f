// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QMainWindow>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "app/labs/engine.h"
#include "labs/lab_descriptor.h"
#include "shell/checkpoint_opener.h"
#include "shell/session_file.h"
#include "widgets/document.h"
#include "widgets/document_focus.h"

class QMenu;
class QStackedWidget;

namespace quantscope {

class CalibrationSaver;
class JobsStrip;
class KernelSet;
class MessageBar;
class MetricsModel;
class MetricsPanel;
class ModelExporter;
class SourcesPanel;
class SourceTreeModel;
class ThemeController;
class TopBar;
class VariantsPanel;
struct CalibrationSave;
struct LanguageModelExport;
struct ModelExportSummary;

/// What the window is built from; everything outlives it.
struct WindowParts {
    ThemeController* themes = nullptr;
    Document* document = nullptr;
    std::vector<LabDescriptor> labs;  ///< one a tab, of labs that the document's engine has
    SourceLibrary* sources = nullptr;
    std::optional<Samples> samples;
    ModelExporter* exporter = nullptr;             ///< without it the menu has no export
    CalibrationSaver* calibrationSaver = nullptr;  ///< without it statistics cannot be saved
    KernelSet* kernels = nullptr;
    bool remembers =
        true;  ///< keeps geometry, recent files and the last session; off for tests and screenshots
};

/// The frame around the labs: top bar, sources, variants, metrics, jobs. Shows the document and edits it; of
/// the labs it knows the list and what all their results share.
class MainWindow : public QMainWindow, public LabHost {
    Q_OBJECT
 public:
    explicit MainWindow(const WindowParts& parts, QWidget* parent = nullptr);
    ~MainWindow() override;

    /// The tab of the lab of this id; nothing happens when there is none.
    void showLab(const std::string& id);

    /// Opens a checkpoint, a model folder, a session or a text, away from the GUI thread; failures appear as
    /// a message.
    void openPath(const QString& path) override;
    /// The tensor of this name of the checkpoint that was opened last becomes the Tensor lab's source.
    void chooseTensor(const QString& name);
    void showError(const Error& error);
    void setPresentation(bool presentation);
    void resetLayout();

    /// Asks for layout and target, then exports in the background.
    void openExport();
    /// Writes the statistics of the calibration text to `path` in the background.
    void saveCalibrationTo(const QString& path) override;
    void openVariant(int variant) override;
    void markLayers(const std::set<std::string>& layers) override;

    [[nodiscard]] bool isSettled() const;
    [[nodiscard]] const WindowParts& parts() const { return m_parts; }
    /// Ctrl+Z acts on the document of the widget in focus; lesson pages add theirs.
    [[nodiscard]] DocumentFocus& documents() { return m_documents; }
    [[nodiscard]] SourcesPanel* sourcesPanel() const { return m_sourcesPanel; }
    [[nodiscard]] VariantsPanel* variantsPanel() const { return m_variantsPanel; }
    [[nodiscard]] MetricsModel* metricsModel() const { return m_metrics; }
    [[nodiscard]] MessageBar* messageBar() const { return m_messages; }
    [[nodiscard]] JobsStrip* jobs() const { return m_jobs; }
    [[nodiscard]] SourceTreeModel* sourceTree() const { return m_tree; }

 protected:
    void closeEvent(QCloseEvent* event) override;
    void dragEnterEvent(QDragEnterEvent* event) override;
    void dropEvent(QDropEvent* event) override;
    void resizeEvent(QResizeEvent* event) override;
    bool eventFilter(QObject* watched, QEvent* event) override;

 private:
    enum Purpose { kShowOnly, kUse };

    void fitToSize();
    void placeTabs();
    void buildPanels();
    void buildActions();
    void buildMenus();
    void connectDocument();
    void addLab(const LabDescriptor& lab);
    [[nodiscard]] const LabDescriptor& shownLab() const;
    /// The lab that says which matrix the tree marks: the one on screen, or the first that has one.
    [[nodiscard]] const LabDescriptor* labWithSource() const;
    [[nodiscard]] const LabDescriptor* firstWithSource() const;
    [[nodiscard]] const LabDescriptor* labOfModels() const;
    void connectExporter();
    void connectCalibrationSaver();
    bool isBackgroundBusy();
    void showExported(const LanguageModelExport& request, const ModelExportSummary& summary);
    void fillSamples();
    void openReferenced();
    void addOpened(const OpenedCheckpoint& opened, int purpose);
    void useModel(const std::string& path);
    void closeCheckpoint(const std::string& path);
    void updateActivations();
    void showExperiment(const Experiment& experiment);
    void showResults(const std::shared_ptr<const LabResults>& results);
    void chooseSource(const MatrixSource& source);
    void chooseFile();
    void chooseFolder();
    void chooseText();
    void chooseSaveSession();
    void openSession(const QString& path);
    void applySession(const Session& session);
    [[nodiscard]] WindowLayout layoutNow() const;
    void rememberFile(const QString& path);
    void fillRecent();
    void showHelp();
    void showConsiderations();
    void updateTitle(const QString& subject);

    WindowParts m_parts;
    ThemeController* m_themes;
    Document* m_document;
    DocumentFocus m_documents;
    SourceTreeModel* m_tree;
    CheckpointOpener* m_opener;
    MetricsModel* m_metrics;
    TopBar* m_topBar = nullptr;
    SourcesPanel* m_sourcesPanel = nullptr;
    VariantsPanel* m_variantsPanel = nullptr;
    MetricsPanel* m_metricsPanel = nullptr;
    MessageBar* m_messages = nullptr;
    JobsStrip* m_jobs = nullptr;
    QStackedWidget* m_stack = nullptr;
    QDockWidget* m_sourcesDock = nullptr;
    QDockWidget* m_variantsDock = nullptr;
    QMenu* m_menu = nullptr;
    QMenu* m_openMenu = nullptr;
    QMenu* m_recentMenu = nullptr;
    std::map<std::string, std::vector<LinearInfo>> m_models;
    std::string m_lastOpened;
    QString m_wantedTensor;
    QByteArray m_defaultDocks;
    bool m_presenting = false;
    bool m_sourcesPutAway = false;  ///< by fitToSize(), which brings them back
};

}  // namespace quantscope
