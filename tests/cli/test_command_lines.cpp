// SPDX-License-Identifier: Apache-2.0
// The command line that reproduces an experiment, read back by the program's own parser.
#include <QtTest>

#include "app/experiment/model_part.h"
#include "app/experiment/tensor_part.h"
#include "cli/command_line.h"

using namespace quantscope;

namespace {

/// Words as a shell splits them, as far as the lines use it: blanks, '...', \'.
std::vector<std::string> wordsOf(const std::string& line) {
    std::vector<std::string> words(1);
    bool inQuotes = false;
    for (size_t i = 0; i < line.size(); ++i) {
        if (line[i] == '\'')
            inQuotes = !inQuotes;
        else if (!inQuotes && line[i] == '\\')
            words.back() += line[++i];
        else if (!inQuotes && line[i] == ' ')
            words.emplace_back();
        else
            words.back() += line[i];
    }
    return words;
}

LabRequest scored() {
    LabRequest request;
    Experiment& e = request.experiment;
    e.model = {"a model.gguf", "it's a text.txt"};
    e.variants = *parseVariants("float; int8/channel @act=int8/token; int4/affine/group=64 @name=four bits");
    e.edit<ModelPart>().layerTokens = 0;
    return request;
}

}  // namespace

class TestCommandLines : public QObject {
    Q_OBJECT

 private slots:
    void evaluations_data() {
        QTest::addColumn<int>("change");
        for (int i = 0; i < 9; ++i) QTest::addRow("%d", i) << i;
    }
    void evaluations() {
        QFETCH(int, change);
        LabRequest request = scored();
        Experiment& e = request.experiment;
        EvaluationProtocol& p = e.edit<ModelPart>().evaluation;
        if (change == 1) p.window = 128;
        if (change == 2) p.rule = WindowRule::GptqPaper;
        if (change == 3) p.rule = WindowRule::Sliding, p.stride = 32, p.maxChunks = 7;
        if (change == 4) p.order = EvaluationOrder::LayerMajor;
        if (change == 5) p.memoryBudgetBytes = uint64_t{3} << 30;
        if (change >= 6) e.variants.push_back(*parseVariant("int4 @*.ffn_down=gptq/int4/group=64"));
        if (change == 6) e.model.calibrationPath = "calibration text.txt", e.model.calibrationChunks = 0;
        if (change == 7) e.model.calibrationFile = "saved.safetensors";
        if (change == 8) e.model.calibrationPath = "c.txt", request.places = {"kept here", "target.gguf"};
        const std::string line = modelCommandLine(e, request.places);
        const auto back = requestOf(wordsOf(line));
        QVERIFY2(back.has_value(), back ? "" : describe(back.error()).c_str());
        QVERIFY2(*back == request, line.c_str());
    }

    void tensors_data() {
        QTest::addColumn<int>("source");
        for (int i = 0; i < 3; ++i) QTest::addRow("%d", i) << i;
    }
    void tensors() {
        QFETCH(int, source);
        LabRequest request;
        Experiment& e = request.experiment;
        e.variants = *parseVariants("float; int4/symmetric/group=32 @name=4 bits");
        MatrixSource& matrix = e.edit<TensorPart>().matrix;
        if (source == 0) matrix = TensorSource{"it's here.gguf", "blk.0.ffn_down.weight"};
        if (source == 1) matrix = SyntheticSource{"outliers/rows=16/cols=64/seed=3"};
        if (source == 2) matrix = ActivationSource{"m.gguf", "a text.txt", "blk.0.ffn_down", 64};
        const std::string line = tensorCommandLine(e);
        const auto back = requestOf(wordsOf(line));
        QVERIFY2(back.has_value(), back ? "" : describe(back.error()).c_str());
        QVERIFY2(*back == request, line.c_str());
    }

    void layers() {
        LabRequest request = scored();
        Experiment& e = request.experiment;
        e.variants = *parseVariants("float; gptq/int4/group=64");
        e.model.calibrationPath = "c.txt";
        e.model.calibrationChunks = 3;
        ModelPart& part = e.edit<ModelPart>();
        part.layersOnly = true;
        part.layerTokens = 96;
        part.layerWindow = 48;
        request.views.edit<ModelView>().layerVariant = 1;
        const auto back = requestOf(wordsOf(layersCommandLine(e, 1)));
        QVERIFY2(back.has_value(), back ? "" : describe(back.error()).c_str());
        QVERIFY(*back == request);
    }

    void othersAskForNoExperiment() {
        QVERIFY(!requestOf({"quantscope-cli", "methods"}).has_value());
        QVERIFY(!requestOf({"quantscope-cli", "eval", "--model", "m"}).has_value());
    }
};

QTEST_APPLESS_MAIN(TestCommandLines)
#include "test_command_lines.moc"
