// SPDX-License-Identifier: Apache-2.0
#include <QTemporaryDir>
#include <QtTest>

#include "base/atomic_file.h"
#include "base/cpu_features.h"
#include "export/export_layouts.h"
#include "export/layout_doctor.h"
#include "export/model_export.h"
#include "export/packed_reader.h"
#include "export_inputs.h"
#include "io/safetensors_writer.h"
#include "kernels/kernel_table.h"
#include "methods/interface/quantize_layer.h"
#include "methods/interface/variant.h"
#include "model/model.h"
#include "quant/passes/to_float.h"
#include "support/paths.h"

using namespace quantscope;
using namespace quantscope::test;

namespace {

const std::string kSample = sourcePath("samples/tiny-llama");

/// The same folder with its words changed: `change` gets the name of a tensor and its words.
template <class Change>
std::shared_ptr<const Checkpoint> changed(const Checkpoint& file, const std::filesystem::path& folder,
                                          const Change& change) {
    std::filesystem::create_directories(folder);
    std::vector<OutputTensor> tensors;
    for (const TensorEntry& entry : file.tensors()) {
        const auto stored = file.load(entry.name);
        if (!stored) return nullptr;
        std::vector<uint32_t> words(stored->bytes().size() / 4);
        std::memcpy(words.data(), stored->bytes().data(), 4 * words.size());
        const bool wanted = entry.dtype == DType::I32 && change(entry.name, words);
        tensors.push_back(outputTensor(entry.name, wanted ? wordTensor(entry.shape, words) : *stored));
    }
    const auto config = readTextFile(file.path() / "config.json", 1 << 20);
    if (!config || !writeTextFile(folder / "config.json", *config) ||
        !writeSafetensors(folder / "model.safetensors", tensors))
        return nullptr;
    auto opened = openCheckpoint(folder);
    return opened ? *opened : nullptr;
}

/// Nibble i of every word to place order[i].
void reorder(std::vector<uint32_t>& words, const NibbleOrder& order) {
    for (uint32_t& word : words) {
        uint32_t moved = 0;
        for (unsigned i = 0; i < 8; ++i) moved |= ((word >> (4 * i)) & 0xFU) << (4 * order[i]);
        word = moved;
    }
}

const LayoutFinding* findingOf(const LayoutReport& report, LayoutQuestion question) {
    for (const LayoutFinding& finding : report.findings)
        if (finding.question == question) return &finding;
    return nullptr;
}

QString textOf(const LayoutReport& report) {
    QString text;
    for (const LayoutFinding& f : report.findings)
        text += QString("%1 | %2 | %3 | %4\n")
                    .arg(static_cast<int>(f.question))
                    .arg(static_cast<int>(f.verdict))
                    .arg(QString::fromStdString(f.found), QString::fromStdString(f.evidence));
    return text;
}

}  // namespace

/// Exports of the sample model, read back, and made wrong on purpose.
class DoctorTest : public QObject {
    Q_OBJECT

 private slots:
    void initTestCase() {
        const auto kernels = chooseKernels(detectCpuFeatures(), "");
        QVERIFY(kernels);
        m_kernels = *kernels;
        auto opened = openCheckpoint(kSample);
        QVERIFY(opened);
        m_float = *opened;
        auto model = openModel(m_float);
        QVERIFY(model);
        m_model = *model;
    }

    void exportsReadBackAsTheVariant_data() {
        QTest::addColumn<QString>("layout");
        QTest::addColumn<QString>("variant");
        const auto row = [](const char* layout, const char* variant) {
            QTest::addRow("%s %s", layout, variant) << layout << variant;
        };
        row("gptq", "int4/group=64/f16-scale");
        row("gptq", "int4/affine/group=64/f16-scale");
        row("gptq-v2", "int3/affine/group=32/f16-scale");
        row("awq", "int4/affine/group=64/f16-scale");
        row("compressed-tensors", "int4/affine/group=64");
        row("compressed-tensors", "int3/group=32");
        row("compressed-tensors", "int8/channel");
        row("compressed-tensors", "int8/affine/channel @act=int8/token");
        row("compressed-tensors", "fp8");
        row("compressed-tensors", "fp8/scale=block");
        row("compressed-tensors", "nvfp4");
        row("compressed-tensors", "mxfp4");
        row("compressed-tensors", "int4/group=64 @blk.0.*=int8/channel @blk.5.*=float");
        row("bitsandbytes", "nf4");
        row("bitsandbytes", "nf4/double");
        row("bitsandbytes", "fp4/block=128");
        row("bitsandbytes", "llm-int8/threshold=6");
    }
    void exportsReadBackAsTheVariant() {
        QFETCH(const QString, layout);
        QFETCH(const QString, variant);
        const auto file = exported(layout.toStdString(), variant.toStdString());
        QVERIFY2(file, m_error.c_str());
        const auto floats = unpackedCheckpoint(file);
        QVERIFY2(floats, floats ? "" : describe(floats.error()).c_str());
        const auto model = openModel(*floats);
        QVERIFY2(model, model ? "" : describe(model.error()).c_str());
        const auto parsed = parseVariant(variant.toStdString());
        for (const LinearInfo& layer : m_model->linears()) {
            const Recipe& recipe = recipeFor(*parsed, layer.name);
            if (layer.block < 0 || recipe.scheme.isFloat()) continue;
            const auto weight = m_model->linearWeight(layer.name);
            const auto result = quantizeLayer({layer.name, *weight}, recipe, {});
            QVERIFY(result);
            const auto got = (*model)->linearWeight(layer.name);
            QVERIFY2(got, got ? "" : describe(got.error()).c_str());
            const Tensor expected = result->floats();
            for (size_t i = 0; i < expected.floats().size(); ++i) {
                const float a = expected.floats()[i];
                const float b = got->floats()[i];
                QVERIFY2(std::abs(a - b) <= 4e-7F * std::abs(a), layer.name.c_str());
            }
        }
        // What is not quantized keeps its bytes.
        for (const char* name : {"model.embed_tokens.weight", "model.norm.weight"}) {
            const auto before = m_float->load(name);
            const auto after = file->load(name);
            QVERIFY(before && after);
            QVERIFY(std::ranges::equal(before->bytes(), after->bytes()));
        }
    }

    void healthyFilesAreSaidToBe_data() {
        QTest::addColumn<QString>("layout");
        QTest::addColumn<QString>("variant");
        for (const char* layout : {"gptq", "gptq-v2", "awq", "compressed-tensors"})
            for (const char* variant : {"int4/affine/group=64", "int4/group=32", "int4/affine/group=32"})
                QTest::addRow("%s %s", layout, variant) << layout << variant;
        QTest::addRow("nf4") << "bitsandbytes"
                             << "nf4";
        QTest::addRow("nvfp4") << "compressed-tensors"
                               << "nvfp4";
    }
    void healthyFilesAreSaidToBe() {
        QFETCH(const QString, layout);
        QFETCH(const QString, variant);
        const auto file = exported(layout.toStdString(), variant.toStdString());
        QVERIFY2(file, m_error.c_str());
        const auto report = examineLayout(file, nullptr);
        QVERIFY2(report, report ? "" : describe(report.error()).c_str());
        QVERIFY2(report->healthy(), qPrintable(textOf(*report)));
        QVERIFY(!report->findings.empty());
        for (const LayoutFinding& finding : report->findings)
            QVERIFY2(finding.verdict == Verdict::Agrees, qPrintable(textOf(*report)));
    }

    void versionsAreToldApart_data() {
        QTest::addColumn<QString>("variant");
        QTest::newRow("affine") << "int4/affine/group=64";
        QTest::newRow("symmetric") << "int4/group=64";
        QTest::newRow("8 bits") << "int8/affine/channel";
    }
    void versionsAreToldApart() {
        QFETCH(const QString, variant);
        // Written as version 2, labelled as version 1.
        const auto file = exported("gptq-v2", variant.toStdString());
        QVERIFY2(file, m_error.c_str());
        const auto mislabelled = relabelled(*file, "gptq_v2", "gptq");
        QVERIFY(mislabelled);
        const auto report = examineLayout(mislabelled, nullptr);
        QVERIFY(report);
        const LayoutFinding* finding = findingOf(*report, LayoutQuestion::ZeroPoint);
        QVERIFY(finding);
        QVERIFY2(finding->verdict == Verdict::Contradicts, qPrintable(textOf(*report)));
        QVERIFY2(finding->fix.find("gptq_v2") != std::string::npos, finding->fix.c_str());
        QCOMPARE(report->reading.zeroOffset, 0);
        QVERIFY(!report->healthy());
    }

    void nibbleOrderIsFound_data() {
        QTest::addColumn<QString>("layout");
        QTest::addColumn<QString>("part");
        QTest::addColumn<int>("question");
        QTest::newRow("AWQ's codes in running order")
            << "awq"
            << ".qweight" << static_cast<int>(LayoutQuestion::CodeOrder);
        QTest::newRow("AWQ's zero points in running order")
            << "awq"
            << ".qzeros" << static_cast<int>(LayoutQuestion::ZeroOrder);
        QTest::newRow("GPTQ's codes in AWQ's order")
            << "gptq"
            << ".qweight" << static_cast<int>(LayoutQuestion::CodeOrder);
        QTest::newRow("GPTQ's zero points in AWQ's order")
            << "gptq"
            << ".qzeros" << static_cast<int>(LayoutQuestion::ZeroOrder);
    }
    void nibbleOrderIsFound() {
        QFETCH(const QString, layout);
        QFETCH(const QString, part);
        QFETCH(const int, question);
        const bool awq = layout == "awq";
        const auto file = exported(layout.toStdString(), "int4/affine/group=32");
        QVERIFY2(file, m_error.c_str());
        // From AWQ's order to the running one: nibble i holds column order[i]; the other way round for GPTQ.
        NibbleOrder order = kAwqOrder;
        if (!awq)
            for (uint8_t i = 0; i < 8; ++i) order[kAwqOrder[i]] = i;
        const auto wrong =
            changed(*file, nextFolder(), [&](const std::string& name, std::vector<uint32_t>& words) {
                if (!QString::fromStdString(name).endsWith(part)) return false;
                reorder(words, order);
                return true;
            });
        QVERIFY(wrong);
        for (const bool withReference : {false, true}) {
            const auto report = examineLayout(wrong, withReference ? m_float : nullptr);
            QVERIFY2(report, report ? "" : describe(report.error()).c_str());
            const LayoutFinding* finding = findingOf(*report, static_cast<LayoutQuestion>(question));
            QVERIFY(finding);
            QVERIFY2(finding->verdict == Verdict::Contradicts, qPrintable(textOf(*report)));
            const NibbleOrder found =
                part == ".qweight" ? report->reading.codeOrder : report->reading.zeroOrder;
            QVERIFY2(found == (awq ? kRunningOrder : kAwqOrder), qPrintable(textOf(*report)));
            if (withReference) QVERIFY(report->relativeError < 0.02 && report->declaredError > 0.02);
        }
    }

    void swappedNibblesAreFound() {
        const auto file = exported("bitsandbytes", "nf4");
        QVERIFY2(file, m_error.c_str());
        std::vector<OutputTensor> tensors;
        for (const TensorEntry& entry : file->tensors()) {
            const auto stored = file->load(entry.name);
            QVERIFY(stored);
            std::vector<uint8_t> bytes(stored->as<uint8_t>().begin(), stored->as<uint8_t>().end());
            const bool codes = entry.dtype == DType::U8 && entry.shape.size() == 2;
            for (uint8_t& byte : bytes)
                if (codes) byte = static_cast<uint8_t>((byte << 4) | (byte >> 4));
            tensors.push_back(
                outputTensor(entry.name, codes ? byteTensor(DType::U8, entry.shape, bytes) : *stored));
        }
        const std::filesystem::path target = nextFolder().string() + ".safetensors";
        QVERIFY(writeSafetensors(target, tensors));
        const auto wrong = openCheckpoint(target);
        QVERIFY(wrong);
        const auto report = examineLayout(*wrong, nullptr);
        QVERIFY(report);
        QVERIFY2(!report->healthy() && report->reading.swapped, qPrintable(textOf(*report)));
    }

    void wrongMethodIsFound() {
        const auto file = exported("awq", "int4/affine/group=64");
        QVERIFY2(file, m_error.c_str());
        const auto mislabelled = relabelled(*file, "\"quant_method\": \"awq\"", "\"quant_method\": \"gptq\"");
        QVERIFY(mislabelled);
        const auto report = examineLayout(mislabelled, nullptr);
        QVERIFY(report);
        const LayoutFinding* finding = findingOf(*report, LayoutQuestion::PackingAxis);
        QVERIFY(finding && finding->verdict == Verdict::Contradicts);
        QVERIFY(finding->fix.find("awq") != std::string::npos);
        QVERIFY(report->reading.codeOrder == kAwqOrder);
    }

    void partsThatDoNotFitAreNamed() {
        const auto file = exported("gptq", "int4/group=64");
        QVERIFY2(file, m_error.c_str());
        std::vector<OutputTensor> tensors;
        for (const TensorEntry& entry : file->tensors())
            if (!entry.name.ends_with("layers.0.mlp.up_proj.qzeros"))
                tensors.push_back(outputTensor(file, entry));
        const std::filesystem::path target = nextFolder().string() + ".safetensors";
        QVERIFY(writeSafetensors(target, tensors));
        const auto broken = openCheckpoint(target);
        QVERIFY(broken);
        const auto floats = unpackedCheckpoint(*broken);
        QVERIFY(!floats);
        QCOMPARE(floats.error().kind, ErrorKind::Malformed);
        QCOMPARE(floats.error().field, std::string("model.layers.0.mlp.up_proj.qzeros"));
        const auto none = examineLayout(m_float, nullptr);
        QVERIFY(!none);
        QCOMPARE(none.error().kind, ErrorKind::Unsupported);
    }

    void foldersAppearWholeOrNotAtAll() {
        const std::filesystem::path target = nextFolder();
        const auto variant = parseVariant("int4/group=64 @act=int8/token");
        const auto layout = exportLayoutNamed("awq");
        const auto refused = exportModel({m_float, m_model, *variant, *layout, target, {}, {}}, *m_kernels);
        QVERIFY(!refused);
        QVERIFY(!std::filesystem::exists(target));
        for (const auto& entry : std::filesystem::directory_iterator(m_folder.path().toStdString()))
            QVERIFY2(entry.path().filename().string().find(".part-") == std::string::npos,
                     entry.path().c_str());
        // A folder that has something in it stays as it is.
        std::filesystem::create_directories(target);
        QVERIFY(writeTextFile(target / "mine.txt", "mine"));
        const auto taken = exportModel(
            {m_float, m_model, *parseVariant("int4/affine/group=64"), *layout, target, {}, {}}, *m_kernels);
        QVERIFY(!taken);
        QCOMPARE(taken.error().kind, ErrorKind::InvalidArgument);
        QVERIFY(std::filesystem::exists(target / "mine.txt"));
    }

 private:
    std::filesystem::path nextFolder() { return m_folder.filePath(QString::number(m_next++)).toStdString(); }

    /// Null, and m_error, where the export fails.
    std::shared_ptr<const Checkpoint> exported(const std::string& layout, const std::string& variant) {
        const auto parsed = parseVariant(variant);
        const auto line = exportLayoutNamed(layout);
        if (!parsed || !line) return nullptr;
        const std::filesystem::path target = nextFolder();
        const auto summary = exportModel({m_float, m_model, *parsed, *line, target, {}, {}}, *m_kernels);
        if (!summary) {
            m_error = describe(summary.error());
            return nullptr;
        }
        const auto opened = openCheckpoint(target);
        return opened ? *opened : nullptr;
    }

    std::shared_ptr<const Checkpoint> relabelled(const Checkpoint& file, const std::string& from,
                                                 const std::string& to) {
        auto config = readTextFile(file.path() / "config.json", 1 << 20);
        if (!config) return nullptr;
        for (size_t at = 0; (at = config->find(from, at)) != std::string::npos; at += to.size())
            config->replace(at, from.size(), to);
        if (!writeTextFile(file.path() / "config.json", *config)) return nullptr;
        const auto opened = openCheckpoint(file.path());
        return opened ? *opened : nullptr;
    }

    QTemporaryDir m_folder;
    int m_next = 0;
    std::string m_error;
    const KernelTable* m_kernels = nullptr;
    std::shared_ptr<const Checkpoint> m_float;
    std::shared_ptr<const Model> m_model;
};

QObject* quantscope::test::doctorTest() {
    return new DoctorTest;
}

#include "doctor.moc"
