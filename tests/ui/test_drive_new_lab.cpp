// SPDX-License-Identifier: GPL-3.0-or-later
// A lab that the program does not know, added to its two tables by a line each, is a lab like the others.
#include <QTemporaryDir>
#include <QTest>

#include "app/experiment/experiment_json.h"
#include "app/labs/run_experiment.h"
#include "driven_window.h"
#include "parameter_count_lab_widget.h"
#include "program/command_line.h"
#include "program/screenshot.h"
#include "shell/metrics_model.h"
#include "shell/session_file.h"

using namespace quantscope;
using test::CountPart;
using test::CountView;

namespace {

std::vector<Lab> withCount() {
    std::vector<Lab> all = labs();
    all.push_back(test::countLab());
    return all;
}

std::vector<LabDescriptor> withCountTab() {
    std::vector<LabDescriptor> all = labDescriptors();
    all.push_back(test::countLabDescriptor());
    return all;
}

std::unique_ptr<DrivenWindow> open() {
    return std::make_unique<DrivenWindow>(DrivenWindow::sample(1), false, QSize(1280, 800), withCount(),
                                          withCountTab());
}

QString cell(const DrivenWindow& driven) {
    return driven.window.metricsModel()->index(1, 1).data().toString();
}

}  // namespace

class TestDriveNewLab : public QObject {
    Q_OBJECT
 private Q_SLOTS:
    void showsItsNumberInLabAndTable();
    void editsCanBeUndone();
    void sessionsKeepItsPartAndView();
    void runsWithoutAWindow();
    void screenshotsFromTheCommandLine();
};

void TestDriveNewLab::showsItsNumberInLabAndTable() {
    const auto driven = open();
    driven->window.showLab(CountPart::kLab);
    QVERIFY(driven->settles());
    const auto results = driven->document.resultsOf<test::CountResults>(CountPart::kLab);
    QVERIFY(results && results->parameters > 1'000'000);
    test::CountLabWidget* widget = nullptr;
    for (auto* lab : driven->window.findChildren<LabWidget*>())
        if (auto* found = dynamic_cast<test::CountLabWidget*>(lab)) widget = found;
    QVERIFY(widget && widget->isVisible());
    QCOMPARE(widget->number(), QString::number(results->parameters));
    MetricsModel* table = driven->window.metricsModel();
    QCOMPARE(table->columnCount(), 2);
    QCOMPARE(table->headerData(1, Qt::Horizontal, Qt::DisplayRole).toString(), QStringLiteral("parameters"));
    QCOMPARE(cell(*driven), QString::number(results->parameters));
    QVERIFY(driven->window.windowTitle().startsWith(QString::fromStdString(results->title)));
}

void TestDriveNewLab::editsCanBeUndone() {
    const auto driven = open();
    driven->window.showLab(CountPart::kLab);
    QVERIFY(driven->settles());
    const QString before = cell(*driven);
    driven->document.look<CountView>([](CountView& view) { view.variant = 2; });
    driven->document.edit({QStringLiteral("head"), 0},
                          [](Experiment& experiment) { experiment.edit<CountPart>().withHead = true; });
    QVERIFY(driven->settles());
    QVERIFY(cell(*driven).toLongLong() > before.toLongLong());
    QTest::keyClick(&driven->window, Qt::Key_Z, Qt::ControlModifier);
    QVERIFY(driven->settles());
    QCOMPARE(cell(*driven), before);
    QCOMPARE(driven->document.views().get<CountView>().variant, 2);  // only looked at: not undone
}

void TestDriveNewLab::sessionsKeepItsPartAndView() {
    const QTemporaryDir folder;
    const QString path = folder.filePath(QStringLiteral("kept.json"));
    LabRequest kept;
    {
        const auto driven = open();
        driven->window.showLab(CountPart::kLab);
        driven->document.edit({QStringLiteral("head"), 0},
                              [](Experiment& experiment) { experiment.edit<CountPart>().withHead = true; });
        driven->document.look<CountView>([](CountView& view) { view.variant = 3; });
        kept = driven->document.request();
        const Session session{kept, {{}, {}, QStringLiteral("count"), false}};
        QVERIFY(saveSession(path.toStdString(), session, driven->document.labs()).has_value());
    }
    const auto other = open();
    other->window.openPath(path);
    QVERIFY(other->settles());
    QVERIFY(other->document.request() == kept);
    QCOMPARE(other->document.shownLab().id, std::string(CountPart::kLab));
    // A program without the lab opens the file all the same.
    const auto without = loadSession(path.toStdString());
    QVERIFY(without.has_value());
    QVERIFY(without->request.experiment.variants == kept.experiment.variants);
    QVERIFY(!without->request.experiment.parts.has<CountPart>());
}

/// What `quantscope-cli run` does with a file that holds only this lab's part.
void TestDriveNewLab::runsWithoutAWindow() {
    const auto driven = open();
    driven->window.showLab(CountPart::kLab);
    QVERIFY(driven->settles());
    LabRequest only;
    only.experiment.model = driven->document.experiment().model;
    only.experiment.variants = driven->document.experiment().variants;
    only.experiment.edit<CountPart>();
    const auto read = parseRequest(experimentJson(only, withCount()), withCount());
    QVERIFY(read.has_value());
    const auto sections = runExperiment(*read, withCount(), driven->sources, driven->kernels);
    QCOMPARE(sections.size(), size_t{1});
    QCOMPARE(sections[0].id, std::string("count"));
    QCOMPARE(sections[0].table.size(), read->experiment.variants.size() + 1);
    QCOMPARE(QString::fromStdString(sections[0].table[2].back()), cell(*driven));
}

void TestDriveNewLab::screenshotsFromTheCommandLine() {
    const QTemporaryDir folder;
    const QString path = folder.filePath(QStringLiteral("count.png"));
    const auto options = readCommandLine(
        {QStringLiteral("quantscope"), QStringLiteral("--screenshot"), QStringLiteral("count"), path},
        withCountTab());
    QVERIFY(options.has_value());
    QCOMPARE(options->screenshot, path);
    const auto driven = open();
    driven->window.showLab(options->lab.toStdString());
    const Screenshot screenshot(&driven->window, options->screenshot, kSeconds);
    QCOMPARE(QApplication::exec(), 0);
    QVERIFY(!QImage(path).isNull());
    const auto unknown = readCommandLine(
        {QStringLiteral("quantscope"), QStringLiteral("--lab"), QStringLiteral("cout")}, withCountTab());
    QVERIFY(!unknown.has_value());
    QVERIFY(unknown.error().message.find("tensor, matmul, model and count") != std::string::npos);
}

QTEST_MAIN(TestDriveNewLab)
#include "test_drive_new_lab.moc"
