// SPDX-License-Identifier: GPL-3.0-or-later
// The Matmul lab in the whole window over the real engine: worked example 7 step by step, other sources and
// variants, every kernel, sessions.
#include <QComboBox>
#include <QPushButton>
#include <QSignalSpy>
#include <QTest>

#include "driven_window.h"
#include "kernels/cuda/cuda_backend.h"
#include "labs/matmul_lab.h"
#include "plots/accumulator_view.h"
#include "plots/arithmetic_view.h"
#include "plots/kernel_view.h"
#include "plots/product_view.h"
#include "plots/roofline_view.h"
#include "shell/metrics_model.h"
#include "shell/session_file.h"

using namespace quantscope;

namespace {

QString textOf(const ArithmeticView& view) {
    QString text;
    for (const ArithmeticLine& line : view.lines())
        text += line.label + QLatin1Char(' ') + line.text + QLatin1Char('\n');
    return text;
}

QStringList cellsOf(const TextMatrix& matrix) {
    return {matrix.cells.begin(), matrix.cells.end()};
}

void press(MatmulLab& lab, int key, Qt::KeyboardModifiers modifiers = {}) {
    lab.product()->setFocus();
    QTest::keyClick(lab.product(), static_cast<Qt::Key>(key), modifiers);
}

QComboBox* choiceWith(QWidget& lab, const QString& tip) {
    for (auto* box : lab.findChildren<QComboBox*>())
        if (box->toolTip().startsWith(tip)) return box;
    return nullptr;
}

void choose(QComboBox* box, const QString& beginning) {
    for (int i = 0; i < box->count(); ++i) {
        if (!box->itemText(i).startsWith(beginning)) continue;
        box->setCurrentIndex(i);
        Q_EMIT box->activated(i);
        return;
    }
}

}  // namespace

class TestDriveMatmul : public QObject {
    Q_OBJECT
 private Q_SLOTS:
    void init() {
        m_driven = std::make_unique<DrivenWindow>(DrivenWindow::sample());
        m_driven->window.showLab("matmul");
        m_lab = m_driven->window.findChild<MatmulLab*>();
        QVERIFY(m_lab);
        QVERIFY(m_driven->settles());
        m_driven->window.activateWindow();
    }
    void cleanup() { m_driven.reset(); }

    void showsTheNumbersOfWorkedExample7() {
        const ProductSeries& s = m_lab->product()->series();
        QCOMPARE(cellsOf(s.xCodes),
                 QStringLiteral("17 51 -127 -74 95 127 38 -127 102 127 16 48 -12 127 104").split(' '));
        QCOMPARE(cellsOf(s.wCodes), QStringLiteral("127 -48 36 -127 -73 0").split(' '));
        QCOMPARE(cellsOf(s.xScales), QStringLiteral("8.4667 10.583 12.700 15.875 11.545").split(' '));
        QCOMPARE(cellsOf(s.wScales), QStringLiteral("18.143 15.875").split(' '));
        QCOMPARE(cellsOf(s.sums),
                 QStringLiteral("13266 -7293 -15249 -8513 -7192 14305 13201 -8128 -4544 -15553").split(' '));
        QCOMPARE(cellsOf(s.factors),
                 QStringLiteral("153.61 134.41 192.01 168.01 230.41 201.61 288.02 252.02 209.47 183.28")
                     .split(' '));
        QCOMPARE(
            cellsOf(s.results),
            QStringLiteral("86.362 -54.260 -79.417 -50.669 -31.213 70.953 45.834 -32.252 -21.693 -84.857")
                .split(' '));
        QCOMPARE(cellsOf(s.exact), QStringLiteral("86 -54 -79 -51 -31 71 46 -32 -21 -85").split(' '));
        QVERIFY2(textOf(*m_lab->resultText()).contains(QStringLiteral("13266 ÷ 153.61 = 86.362")),
                 qPrintable(textOf(*m_lab->resultText())));
        QVERIFY(textOf(*m_lab->resultText()).contains(QStringLiteral("86.362   exact 86   error +0.362")));
    }

    void stepsForwardBackAndToTheNextCell() {
        press(*m_lab, Qt::Key_Home);
        QCOMPARE(m_lab->step(), 0);
        QCOMPARE(m_lab->product()->series().running, QStringLiteral("2159"));
        press(*m_lab, Qt::Key_Right);
        QCOMPARE(m_lab->product()->series().running, QStringLiteral("3995"));
        QVERIFY(textOf(*m_lab->stepText()).contains(QStringLiteral("51 · 36 = 1836     2159 + 1836 = 3995")));
        press(*m_lab, Qt::Key_Right);
        QCOMPARE(m_lab->product()->series().running, QStringLiteral("13266"));
        QVERIFY(m_lab->product()->series().cellDone);
        press(*m_lab, Qt::Key_Left);
        QCOMPARE(m_lab->product()->series().running, QStringLiteral("3995"));
        press(*m_lab, Qt::Key_End);
        press(*m_lab, Qt::Key_Right);  // on to the next cell
        QVERIFY(m_driven->settles());
        QCOMPARE(m_lab->product()->series().channel, 1);
        QCOMPARE(m_lab->step(), 0);
        QCOMPARE(m_lab->product()->series().running, QStringLiteral("-816"));
        press(*m_lab, Qt::Key_Down);
        QVERIFY(m_driven->settles());
        QCOMPARE(m_lab->product()->series().row, 1);
        QCOMPARE(m_lab->product()->series().running, QStringLiteral("-8513"));
    }

    void playsThroughTheProduct() {
        press(*m_lab, Qt::Key_Home);
        choose(choiceWith(*m_lab, QStringLiteral("How fast")), QStringLiteral("fast"));
        m_lab->setPlaying(true);
        QVERIFY(DrivenWindow::waitUntil([this] { return m_lab->product()->series().channel == 1; }));
        m_lab->setPlaying(false);
        QVERIFY(!m_lab->isPlaying());
    }

    void aClickChoosesTheCell() {
        QSignalSpy chosen(m_lab->product(), &ProductView::cellChosen);
        Q_EMIT m_lab->product()->cellChosen(3, 1);
        QVERIFY(m_driven->settles());
        QCOMPARE(m_lab->product()->series().row, 3);
        QCOMPARE(m_lab->product()->series().running, QStringLiteral("-8128"));
        QCOMPARE(chosen.count(), 1);
    }

    void integerOnlyProductShowsTermsAndMultiplier() {
        choose(choiceWith(*m_lab, QStringLiteral("X:")), QStringLiteral("worked example 5"));
        QVERIFY(m_driven->settles());
        choose(choiceWith(*m_lab, QStringLiteral("Variant to step")), QStringLiteral("C"));
        QVERIFY(m_driven->settles());
        const QString text = textOf(*m_lab->resultText());
        QVERIFY2(text.contains(QStringLiteral("online")) && text.contains(QStringLiteral("offline")),
                 qPrintable(text));
        QVERIFY2(text.contains(QStringLiteral("M0 in binary 0.1")), qPrintable(text));
        QVERIFY(text.contains(QStringLiteral("int8 result")));
    }

    void outliersAreLiftedOut() {
        choose(choiceWith(*m_lab, QStringLiteral("X:")), QStringLiteral("worked example 8"));
        QVERIFY(m_driven->settles());
        const auto results = m_driven->document.resultsOf<MatmulResults>("matmul");
        QVERIFY(results->variants[3].product->error.relative <
                0.1 * results->variants[1].product->error.relative);
        choose(choiceWith(*m_lab, QStringLiteral("Variant to step")), QStringLiteral("D"));
        QVERIFY(m_driven->settles());
        QVERIFY(m_lab->product()->series().lifted[2]);
        QVERIFY(textOf(*m_lab->resultText()).contains(QStringLiteral("float part")));
    }

    void aLayerOfTheModelBringsItsInput() {
        choose(choiceWith(*m_lab, QStringLiteral("W:")), QStringLiteral("blk.1.ffn_down"));
        QVERIFY(m_driven->settles());
        const auto results = m_driven->document.resultsOf<MatmulResults>("matmul");
        QVERIFY(!results->error);
        QCOMPARE(results->xTitle, std::string("input of blk.1.ffn_down"));
        QCOMPARE(results->x.cols(), results->w.cols());
        QVERIFY(results->variants[1].product->error.relative < 0.05);
        QVERIFY(m_lab->accumulators()->series().count > 1000);
        // A scheme that has no integer product: the reason stands where the product was.
        const std::string wrong = "int8/input-channel @act=int8/token";
        Experiment next = m_driven->document.experiment();
        next.edit<MatmulPart>().products[1] = *parseVariant(wrong);
        m_driven->document.edit(next, {});
        QVERIFY(m_driven->settles());
        QVERIFY(m_driven->document.resultsOf<MatmulResults>("matmul")->variants[1].error.has_value());
        m_driven->document.undoStack()->undo();
        QVERIFY(m_driven->settles());
        QVERIFY(!m_driven->document.resultsOf<MatmulResults>("matmul")->variants[1].error);
    }

    void everyKernelIsTimed() {
        for (auto* button : m_lab->findChildren<QPushButton*>())
            if (button->text() == QStringLiteral("Run on every kernel")) button->click();
        QVERIFY(DrivenWindow::waitUntil(
            [this] { return m_driven->document.resultsOf<MatmulResults>("matmul")->costs != nullptr; }));
        QVERIFY(m_driven->settles());
        const auto& rows = m_lab->kernels()->rows();
        QVERIFY(rows.size() >= kernelTables().size() + 3);
        QCOMPARE(std::count_if(rows.begin(), rows.end(), [](const KernelRow& row) { return row.isChosen; }),
                 1);
        // The GPUs, or one row that says why there is none.
        QCOMPARE(std::count_if(rows.begin(), rows.end(),
                               [](const KernelRow& row) { return row.name == QStringLiteral("CUDA"); }),
                 listCudaDevices() ? 0 : 1);
        for (const KernelRow& row : rows)
            QVERIFY2(row.reason.isEmpty() == (row.gops > 0), qPrintable(row.name));
        QVERIFY(m_lab->roofline()->series().bandwidthGbs > 0);
        QVERIFY(textOf(*m_lab->costText()).contains(QStringLiteral("offline")));
        QVERIFY(!m_lab->kernels()->table().rows.isEmpty());
    }

    void theTableShowsTheProducts() {
        MetricsModel* table = m_driven->window.metricsModel();
        QCOMPARE(table->rowCount(), 4);
        QCOMPARE(table->index(0, 2).data().toString(), QStringLiteral("0 %"));
        QCOMPARE(table->index(1, 6).data().toString(), QStringLiteral("15553"));
        m_driven->window.showLab("tensor");
        QCOMPARE(table->headerData(6, Qt::Horizontal, Qt::DisplayRole).toString(),
                 QStringLiteral("rel. error"));
    }

    void theSessionKeepsTheLab() {
        Q_EMIT m_lab->product()->cellChosen(2, 1);
        QVERIFY(m_driven->settles());
        Session session{m_driven->document.request(), {}};
        session.window.lab = QStringLiteral("matmul");
        const auto back = parseSession(sessionJson(session));
        QVERIFY(back.has_value());
        QVERIFY(back->request == session.request);
        QCOMPARE(back->request.views.get<MatmulView>().row, 2);
        QCOMPARE(back->window.lab, session.window.lab);
    }

 private:
    std::unique_ptr<DrivenWindow> m_driven;
    MatmulLab* m_lab = nullptr;
};

QTEST_MAIN(TestDriveMatmul)
#include "test_drive_matmul.moc"
