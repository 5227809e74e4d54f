// SPDX-License-Identifier: GPL-3.0-or-later
#include <QAbstractItemModelTester>
#include <QTest>

#include "fake_checkpoint.h"
#include "shell/source_tree_model.h"

using namespace quantscope;

class TestShellSources : public QObject {
    Q_OBJECT
 private Q_SLOTS:
    void filterText_data();
    void filterText();
    void treeGroupsBlocksInNumericalOrder();
    void everyTensorIsASourceAndIsFoundAgain();
    void filterHidesAndRestores();
    void outliersMarkTensorBlockAndFilter();
    void closingRemovesOneFile();
    void aHundredThousandTensors();
};

void TestShellSources::filterText_data() {
    QTest::addColumn<QString>("text");
    QTest::addColumn<QString>("name");
    QTest::addColumn<int>("dtype");
    QTest::addColumn<qint64>("rows");
    QTest::addColumn<bool>("outliers");
    QTest::addColumn<bool>("accepted");
    const auto row = [](const char* text, const char* name, DType dtype, qint64 rows, bool outliers,
                        bool accepted) {
        QTest::addRow("%s on %s", text, name) << QString::fromLatin1(text) << QString::fromLatin1(name)
                                              << static_cast<int>(dtype) << rows << outliers << accepted;
    };
    row("", "blk.0.attn_q", DType::F16, 10, false, true);
    row("ATTN", "blk.0.attn_q", DType::F16, 10, false, true);
    row("ffn", "blk.0.attn_q", DType::F16, 10, false, false);
    row("q4_1", "blk.0.attn_q", DType::Q4_1, 10, false, true);
    row("Q4_1", "blk.0.attn_q", DType::F16, 10, false, false);
    row("f16 q4_1", "blk.0.attn_q", DType::Q4_1, 10, false, true);
    row(">1M", "a", DType::F32, 1000, false, false);
    row(">1M", "b", DType::F32, 1001, false, true);
    row("<64k", "c", DType::F32, 64, false, false);
    row("<64k", "d", DType::F32, 63, false, true);
    row("outliers", "e", DType::F32, 1, false, false);
    row("outliers", "f", DType::F32, 1, true, true);
    row("blk down", "blk.1.ffn_down", DType::F32, 1, false, true);
    row(">x", "a>x", DType::F32, 1, false, true);
}

void TestShellSources::filterText() {
    QFETCH(QString, text);
    QFETCH(QString, name);
    QFETCH(int, dtype);
    QFETCH(qint64, rows);
    QFETCH(bool, outliers);
    QFETCH(bool, accepted);
    const TensorEntry entry{name.toStdString(), static_cast<DType>(dtype), {rows, 1000}, 0};
    QCOMPARE(parseSourceFilter(text).accepts(entry, outliers), accepted);
}

void TestShellSources::treeGroupsBlocksInNumericalOrder() {
    SourceTreeModel model;
    const QAbstractItemModelTester tester(&model, QAbstractItemModelTester::FailureReportingMode::QtTest);
    model.addCheckpoint(fakeModel("/models/fake.gguf", 12));
    const QModelIndex file = model.index(0, 0);
    QCOMPARE(file.data().toString(), QStringLiteral("fake.gguf"));
    QCOMPARE(model.rowCount(file), 14);
    QCOMPARE(model.index(0, 0, file).data().toString(), QStringLiteral("token_embd"));
    QCOMPARE(model.index(1, 0, file).data().toString(), QStringLiteral("blk 0"));
    QCOMPARE(model.index(3, 0, file).data().toString(), QStringLiteral("blk 2"));
    QCOMPARE(model.index(12, 0, file).data().toString(), QStringLiteral("blk 11"));
    QCOMPARE(model.index(13, 0, file).data().toString(), QStringLiteral("output_norm"));
    const QModelIndex down = model.index(1, 0, model.index(12, 0, file));
    QCOMPARE(down.data().toString(), QStringLiteral("ffn_down"));
    QCOMPARE(down.data(SourceTreeModel::DetailsRole).toString(), QStringLiteral("Q4_1 576×1536"));
    QVERIFY(down.data(Qt::ToolTipRole).toString().contains(QStringLiteral("5 bits per weight")));
}

void TestShellSources::everyTensorIsASourceAndIsFoundAgain() {
    SourceTreeModel model;
    model.addCheckpoint(fakeModel("/models/fake.gguf", 3));
    model.setSynthetic({{QStringLiteral("Normal"), {}, {}, "normal"}});
    model.setActivations({{QStringLiteral("blk.1.ffn_down"), {}, {}, "blk.1.ffn_down"}},
                         {"/models/fake.gguf", "/text.txt", {}, 512});
    const std::vector<MatrixSource> sources = {
        TensorSource{"/models/fake.gguf", "blk.2.attn_q.weight"},
        TensorSource{"/models/fake.gguf", "token_embd.weight"}, SyntheticSource{"normal"},
        ActivationSource{"/models/fake.gguf", "/text.txt", "blk.1.ffn_down", 512}};
    for (const MatrixSource& source : sources) {
        const QModelIndex index = model.indexOf(source);
        QVERIFY(index.isValid());
        QVERIFY(model.matrixSource(index) == source);
    }
    QVERIFY(!model.indexOf(TensorSource{"/models/other.gguf", "token_embd.weight"}).isValid());
    QVERIFY(!model.matrixSource(model.index(0, 0)).has_value());
}

void TestShellSources::filterHidesAndRestores() {
    SourceTreeModel model;
    const QAbstractItemModelTester tester(&model, QAbstractItemModelTester::FailureReportingMode::QtTest);
    model.addCheckpoint(fakeModel("/models/fake.gguf", 5));
    model.setFilter(parseSourceFilter(QStringLiteral("ffn_down")));
    QCOMPARE(model.matchCount(), 5);
    QCOMPARE(model.rowCount(model.index(0, 0)), 5);
    model.setFilter(parseSourceFilter(QStringLiteral("nothing-has-this-name")));
    QCOMPARE(model.matchCount(), 0);
    QCOMPARE(model.rowCount(), 0);
    model.setFilter({});
    QCOMPARE(model.rowCount(model.index(0, 0)), 7);
}

void TestShellSources::outliersMarkTensorBlockAndFilter() {
    SourceTreeModel model;
    model.addCheckpoint(fakeModel("/models/fake.gguf", 3));
    model.setOutliers({"blk.1.ffn_down"});
    const QModelIndex down = model.indexOf(TensorSource{"/models/fake.gguf", "blk.1.ffn_down.weight"});
    QVERIFY(down.data(SourceTreeModel::OutlierRole).toBool());
    QVERIFY(down.parent().data(SourceTreeModel::OutlierRole).toBool());
    const QModelIndex other = model.indexOf(TensorSource{"/models/fake.gguf", "blk.2.ffn_down.weight"});
    QVERIFY(!other.data(SourceTreeModel::OutlierRole).toBool());
    model.setFilter(parseSourceFilter(QStringLiteral("outliers")));
    QCOMPARE(model.matchCount(), 1);
}

void TestShellSources::closingRemovesOneFile() {
    SourceTreeModel model;
    const QAbstractItemModelTester tester(&model, QAbstractItemModelTester::FailureReportingMode::QtTest);
    model.addCheckpoint(fakeModel("/models/a.gguf", 2));
    model.addCheckpoint(fakeModel("/models/b.gguf", 2));
    model.addCheckpoint(fakeModel("/models/a.gguf", 4));
    QCOMPARE(model.checkpointPaths().size(), size_t{2});
    QCOMPARE(model.rowCount(model.index(0, 0)), 6);
    model.removeCheckpoint("/models/a.gguf");
    QCOMPARE(model.checkpointPaths(), std::vector<std::string>{"/models/b.gguf"});
    QVERIFY(!model.checkpoint("/models/a.gguf"));
}

void TestShellSources::aHundredThousandTensors() {
    SourceTreeModel model;
    model.addCheckpoint(fakeModel("/models/large.gguf", 50000));
    QCOMPARE(model.matchCount(), 100002);
    model.setFilter(parseSourceFilter(QStringLiteral("blk.49999.")));
    QCOMPARE(model.matchCount(), 2);
    model.setFilter({});
    QCOMPARE(model.matchCount(), 100002);
}

QTEST_MAIN(TestShellSources)
#include "test_shell_sources.moc"
