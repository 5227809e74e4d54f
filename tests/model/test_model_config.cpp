// SPDX-License-Identifier: Apache-2.0
#include <QTest>

#include <cmath>

#include "model/architectures/tensor_names.h"
#include "model/config.h"
#include "model/forward/rotary_table.h"
#include "model/model.h"

using namespace quantscope;

namespace {

QString withChange(const QString& from, const QString& to) {
    QString json =
        R"({"architectures":["LlamaForCausalLM"],"hidden_size":64,"intermediate_size":128,"num_hidden_layers":2,)"
        R"("num_attention_heads":4,"num_key_value_heads":2,"vocab_size":100,"rms_norm_eps":1e-5,)"
        R"("max_position_embeddings":2048,"rope_theta":10000.0,"hidden_act":"silu","tie_word_embeddings":true})";
    return json.replace(from, to);
}

/// A checkpoint that has metadata only.
class Header final : public Checkpoint {
 public:
    Metadata values;
    std::vector<TensorEntry> entries;
    std::filesystem::path where = "header.gguf";
    [[nodiscard]] std::string format() const override { return "GGUF v3"; }
    [[nodiscard]] const std::filesystem::path& path() const override { return where; }
    [[nodiscard]] std::span<const TensorEntry> tensors() const override { return entries; }
    [[nodiscard]] const Metadata& metadata() const override { return values; }
    [[nodiscard]] Result<Tensor> load(std::string_view) const override {
        return fail(ErrorKind::NotFound, "no data");
    }
};

std::shared_ptr<Header> ggufHeader() {
    auto header = std::make_shared<Header>();
    header->values = {
        {"general.architecture", std::string("llama")}, {"llama.block_count", uint64_t{1}},
        {"llama.context_length", uint64_t{128}},        {"llama.embedding_length", uint64_t{64}},
        {"llama.feed_forward_length", uint64_t{96}},    {"llama.attention.head_count", uint64_t{4}}};
    header->entries = {{"token_embd.weight", DType::F32, {50, 64}, 50 * 64 * 4}};
    return header;
}

}  // namespace

class TestModelConfig : public QObject {
    Q_OBJECT

 private slots:
    void huggingFace() {
        const auto config = configFromHuggingFace(withChange("", "").toStdString());
        QVERIFY2(config.has_value(), config ? "" : describe(config.error()).c_str());
        QCOMPARE(config->headDim, int64_t{16});
        QCOMPARE(config->keyValueHeads, int64_t{2});
        QVERIFY(config->tiedEmbeddings);
        QVERIFY(config->rotaryLayout == RotaryLayout::Halves);
    }

    void badConfigurations_data() {
        QTest::addColumn<QString>("json");
        QTest::addColumn<int>("kind");
        const auto malformed = static_cast<int>(ErrorKind::Malformed);
        const auto unsupported = static_cast<int>(ErrorKind::Unsupported);
        QTest::newRow("not JSON") << "{" << malformed;
        QTest::newRow("deep JSON") << QString("[").repeated(100000) << malformed;
        QTest::newRow("other architecture")
            << withChange("LlamaForCausalLM", "GPT2LMHeadModel") << unsupported;
        QTest::newRow("no architecture") << withChange("architectures", "nothing") << unsupported;
        QTest::newRow("other activation") << withChange("\"silu\"", "\"gelu\"") << unsupported;
        QTest::newRow("yarn") << withChange("\"rope_theta\"",
                                            "\"rope_scaling\":{\"rope_type\":\"yarn\"},\"x\"")
                              << unsupported;
        QTest::newRow("already quantized")
            << withChange("\"rope_theta\"", "\"quantization_config\":{},\"x\"") << unsupported;
        QTest::newRow("no width") << withChange("hidden_size", "hidden") << malformed;
        QTest::newRow("negative blocks")
            << withChange("\"num_hidden_layers\":2", "\"num_hidden_layers\":-2") << malformed;
        QTest::newRow("absurd vocabulary")
            << withChange("\"vocab_size\":100", "\"vocab_size\":99999999999999") << malformed;
        QTest::newRow("heads do not divide")
            << withChange("\"num_key_value_heads\":2", "\"num_key_value_heads\":3") << malformed;
        QTest::newRow("width is text")
            << withChange("\"hidden_size\":64", "\"hidden_size\":\"64\"") << malformed;
        QTest::newRow("theta is text") << withChange("10000.0", "\"x\"") << malformed;
    }
    void badConfigurations() {
        QFETCH(QString, json);
        QFETCH(int, kind);
        const auto config = configFromHuggingFace(json.toStdString());
        QVERIFY(!config.has_value());
        QCOMPARE(static_cast<int>(config.error().kind), kind);
        QVERIFY(!config.error().message.empty());
    }

    void gguf() {
        const auto config = configFromGguf(*ggufHeader());
        QVERIFY2(config.has_value(), config ? "" : describe(config.error()).c_str());
        QCOMPARE(config->keyValueHeads, int64_t{4});
        QCOMPARE(config->vocabulary, int64_t{50});
        QVERIFY(config->tiedEmbeddings);
        QVERIFY(config->rotaryLayout == RotaryLayout::Pairs);
    }

    void badGguf() {
        auto header = ggufHeader();
        header->values["general.architecture"] = std::string("mamba");
        QCOMPARE(configFromGguf(*header).error().kind, ErrorKind::Unsupported);
        header = ggufHeader();
        header->values.erase("llama.block_count");
        QCOMPARE(configFromGguf(*header).error().kind, ErrorKind::Malformed);
        QCOMPARE(configFromGguf(*header).error().field, std::string("llama.block_count"));
        header = ggufHeader();
        header->values["llama.block_count"] = uint64_t{1} << 60;
        QCOMPARE(configFromGguf(*header).error().kind, ErrorKind::Malformed);
        header = ggufHeader();
        header->values["llama.attention.head_count"] = uint64_t{0};
        QCOMPARE(configFromGguf(*header).error().kind, ErrorKind::Malformed);
        header = ggufHeader();
        header->values["llama.expert_count"] = uint64_t{8};
        QCOMPARE(configFromGguf(*header).error().kind, ErrorKind::Unsupported);
        // A tensor the configuration needs is not in the file: named in the error.
        const auto model = openModel(std::shared_ptr<const Checkpoint>(ggufHeader()));
        QVERIFY(!model.has_value());
        QCOMPARE(model.error().kind, ErrorKind::Malformed);
        QCOMPARE(model.error().field, std::string("output_norm.weight"));
    }

    void llama3Scaling() {
        ModelConfig config;
        config.rotaryDims = 128;
        config.ropeTheta = 500000;
        const std::vector<double> plain = rotaryFrequencies(config, {});
        config.ropeScaling = RopeScaling::Llama3;
        config.ropeFactor = 8;
        const std::vector<double> scaled = rotaryFrequencies(config, {});
        QCOMPARE(scaled.front(), plain.front());    // short wavelength: kept
        QCOMPARE(scaled.back(), plain.back() / 8);  // long wavelength: stretched
        bool blended = false;
        for (size_t i = 0; i < plain.size(); ++i) {
            QVERIFY(scaled[i] <= plain[i] && scaled[i] >= plain[i] / 8);
            blended = blended || (scaled[i] < plain[i] * 0.99 && scaled[i] > plain[i] / 8 * 1.01);
        }
        QVERIFY(blended);
        config.ropeScaling = RopeScaling::Linear;
        config.ropeFactor = 2;
        QCOMPARE(rotaryFrequencies(config, {})[5], plain[5] / 2);
        const std::vector<float> factors(64, 4.0F);
        config.ropeScaling = RopeScaling::None;
        QCOMPARE(rotaryFrequencies(config, factors)[5], plain[5] / 4);
    }

    void names() {
        const Architecture& family = *findArchitecture("llama");
        QCOMPARE(describedLinears(family, {}, 3).back().name, std::string("blk.3.ffn_down"));
        QCOMPARE(fileTensorName(family, "blk.3.ffn_down", NameStyle::Gguf),
                 std::string("blk.3.ffn_down.weight"));
        QCOMPARE(fileTensorName(family, "blk.12.attn_q", NameStyle::HuggingFace),
                 std::string("model.layers.12.self_attn.q_proj.weight"));
        QCOMPARE(fileTensorName(family, "output", NameStyle::HuggingFace), std::string("lm_head.weight"));
    }
};

QTEST_APPLESS_MAIN(TestModelConfig)
#include "test_model_config.moc"
