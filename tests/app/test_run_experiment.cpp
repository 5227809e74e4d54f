// SPDX-License-Identifier: Apache-2.0
// What `run` does: the parts that are there, each with the numbers that the window shows.
#include <QtTest>
#include <nlohmann/json.hpp>

#include "app/experiment/experiment_json.h"
#include "app/experiment/matmul_part.h"
#include "app/experiment/model_part.h"
#include "app/experiment/source_library.h"
#include "app/experiment/tensor_part.h"
#include "app/labs/run_experiment.h"
#include "support/paths.h"

using namespace quantscope;

namespace {

/// How long something took differs from run to run.
void dropSeconds(OrderedJson& json) {
    if (!json.is_structured()) return;  // a number's only member is itself
    if (!json.is_structured()) return;  // a number would be iterated over as its own only element
    if (json.is_object()) json.erase("seconds");
    for (auto& member : json) dropSeconds(member);
}

OrderedJson withoutSeconds(const std::vector<ResultSection>& sections) {
    OrderedJson all = OrderedJson::object();
    for (const ResultSection& section : sections) all[section.id] = section.json;
    dropSeconds(all);
    return all;
}

std::vector<std::string> idsOf(const std::vector<ResultSection>& sections) {
    std::vector<std::string> ids;
    for (const ResultSection& section : sections) ids.push_back(section.id);
    return ids;
}

/// A lab that counts letters: the smallest there can be, with no sections of its own.
struct WordPart {
    static constexpr const char* kLab = "word";
    std::string word;
    bool operator==(const WordPart&) const = default;
};

struct WordPipeline final : LabPipeline {
    void run(const LabRequest& request, uint64_t sequence, std::stop_token, const Deliver& deliver,
             const ProgressSink&) override {
        auto results = std::make_shared<LabResults>();
        results->request = request.experiment;
        results->sequence = sequence;
        results->complete = true;
        results->title = request.experiment.part<WordPart>().word;
        const auto letters = static_cast<double>(results->title.size());
        results->rows = {{"A", 0, std::nullopt, {{"letters", {letters}}}},
                         {"B", 0, Error{ErrorKind::Unsupported, "no letters", {}, {}, {}}, {}}};
        deliver(std::move(results));
    }
};

Lab wordLab() {
    Lab lab;
    lab.id = WordPart::kLab;
    lab.title = "Word";
    lab.metrics = {{"letters", "letters", "how many", MetricFormat::Count, 0}};
    lab.hasWork = [](const Experiment& e) { return !e.part<WordPart>().word.empty(); };
    lab.makePipeline = [](SourceLibrary&, KernelsInUse) { return std::make_unique<WordPipeline>(); };
    return lab;
}

}  // namespace

class TestRunExperiment : public QObject {
    Q_OBJECT
 private slots:
    void initTestCase() {
        const auto samples = findSamples(test::sourcePath());
        QVERIFY2(samples.has_value(), samples ? "" : describe(samples.error()).c_str());
        m_request.experiment = sampleExperiment(*samples);
        auto& model = m_request.experiment.edit<ModelPart>();
        model.evaluation.maxChunks = 2;
        model.layerTokens = 64;
        m_request.views.edit<ModelView>().layerVariant = 2;
    }

    /// Pipelines that have run something else before, as the window's have, and what `run` makes of the file.
    void windowAndRunGiveTheSameNumbers() {
        LabRequest other = m_request;
        other.experiment.variants[1] = *parseVariant("int3/symmetric/channel");
        other.experiment.edit<MatmulPart>().relu = true;
        std::vector<ResultSection> shown;
        for (const Lab& lab : labs()) {
            const auto pipeline = lab.makePipeline(m_sources, m_kernels);
            std::shared_ptr<const LabResults> last;
            for (const LabRequest& request : {other, m_request})
                pipeline->run(request, 1, {}, [&](auto results) { last = std::move(results); }, {});
            QVERIFY2(last && last->complete, lab.id.c_str());
            for (ResultSection& section : sectionsOf(lab, *last)) shown.push_back(std::move(section));
        }
        const auto file = parseRequest(experimentJson(m_request));
        QVERIFY(file.has_value());
        const auto ran = runExperiment(*file, labs(), m_sources, m_kernels);
        QCOMPARE(idsOf(ran), (std::vector<std::string>{"tensor", "product", "model", "layers"}));
        for (const ResultSection& section : ran) QVERIFY2(!section.error, section.id.c_str());
        QCOMPARE(withoutSeconds(ran).dump(2), withoutSeconds(shown).dump(2));
        QCOMPARE(ran[3].json["layers"].size(), size_t{6 * 7});
        QCOMPARE(ran[3].json["variant"].get<std::string>(), variantText(m_request.experiment.variants[2]));
        QVERIFY(ran[1].json["variants"][1]["relative_error"].get<double>() > 0);
    }

    void absentPartsAreNotRun() {
        LabRequest only;
        only.experiment.variants = m_request.experiment.variants;
        QVERIFY(runExperiment(only, labs(), m_sources, m_kernels).empty());
        only.experiment.edit<TensorPart>().matrix = SyntheticSource{"normal/rows=8/cols=32/seed=1"};
        const auto back = parseRequest(experimentJson(only));
        QVERIFY(back.has_value());
        QCOMPARE(idsOf(runExperiment(*back, labs(), m_sources, m_kernels)),
                 std::vector<std::string>{"tensor"});
        LabRequest scored = m_request;
        scored.experiment.parts = {};
        scored.experiment.edit<ModelPart>().evaluation.maxChunks = 1;
        scored.experiment.edit<ModelPart>().layerTokens = 0;
        QCOMPARE(idsOf(runExperiment(*parseRequest(experimentJson(scored)), labs(), m_sources, m_kernels)),
                 std::vector<std::string>{"model"});
    }

    /// Only the layer table: no perplexity is computed. The window completes such a file.
    void layersAlone() {
        LabRequest layers = m_request;
        layers.experiment.parts = {};
        layers.experiment.edit<ModelPart>().layersOnly = true;
        layers.experiment.edit<ModelPart>().layerTokens = 32;
        auto back = parseRequest(experimentJson(layers));
        QVERIFY(back && *back == layers);
        const auto sections = runExperiment(*back, labs(), m_sources, m_kernels);
        QCOMPARE(idsOf(sections), std::vector<std::string>{"layers"});
        QVERIFY(sections[0].json["layers"][0]["input_error"].is_number());
        addMissingParts(back->experiment, labs());
        QVERIFY(!back->experiment.part<ModelPart>().layersOnly);
        QCOMPARE(back->experiment.part<ModelPart>().layerTokens, 32);
    }

    void aFailedPartDoesNotCancelTheOthers() {
        LabRequest broken = m_request;
        broken.experiment.edit<ModelPart>().layerTokens = 0;
        broken.experiment.edit<ModelPart>().evaluation.maxChunks = 1;
        broken.experiment.edit<TensorPart>().matrix = TensorSource{"no-such-file.safetensors", "w"};
        broken.experiment.edit<MatmulPart>().products[1] =
            *parseVariant("int8/input-channel @act=int8/token");
        const auto sections = runExperiment(broken, labs(), m_sources, m_kernels);
        QCOMPARE(idsOf(sections), (std::vector<std::string>{"tensor", "product", "model"}));
        QVERIFY(sections[0].error && sections[0].json.contains("error"));
        QVERIFY(sections[1].error.has_value());
        QVERIFY(sections[1].json["variants"][1].contains("error"));
        QVERIFY(sections[1].json["variants"][2].contains("relative_error"));
        QVERIFY(!sections[2].error);
    }

    /// A lab of elsewhere is printed by its rows, without another line anywhere.
    void anyLabRuns() {
        LabRequest request;
        request.experiment.edit<WordPart>().word = "lattice";
        const auto sections = runExperiment(request, {wordLab()}, m_sources, m_kernels);
        QCOMPARE(idsOf(sections), std::vector<std::string>{"word"});
        QCOMPARE(sections[0].json["variants"][0]["letters"].get<double>(), 7.0);
        QCOMPARE(sections[0].json["variants"][1]["error"].get<std::string>(), std::string("no letters"));
        QVERIFY(sections[0].error.has_value());
        QCOMPARE(sections[0].table, (std::vector<std::vector<std::string>>{
                                        {"variant", "letters"}, {"A", "7"}, {"B", "no letters"}}));
    }

 private:
    const KernelTable& m_kernels = **chooseKernels(detectCpuFeatures());
    SourceLibrary m_sources{m_kernels};
    LabRequest m_request;
};

QTEST_APPLESS_MAIN(TestRunExperiment)
#include "test_run_experiment.moc"
