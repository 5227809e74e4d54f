// SPDX-License-Identifier: Apache-2.0
#include <QTest>

#include "base/random.h"
#include "golden_file.h"
#include "io/checkpoint.h"
#include "model/tokenizer/bpe_tokenizer.h"
#include "model/tokenizer/byte_pairs.h"
#include "model/tokenizer/pre_tokenizer.h"
#include "model/tokenizer/tokenizer.h"

using namespace quantscope;
using namespace quantscope::test;

namespace {

/// A SentencePiece vocabulary in GGUF's form: <unk>, <s>, </s>, the 256 bytes, then pieces with scores.
Metadata sentencePieceMetadata() {
    std::vector<std::string> tokens = {"<unk>", "<s>", "</s>"};
    std::vector<double> scores = {0, 0, 0};
    std::vector<int64_t> types = {2, 3, 3};
    for (int byte = 0; byte < 256; ++byte) {
        tokens.push_back(QString::asprintf("<0x%02X>", byte).toStdString());
        scores.push_back(0);
        types.push_back(6);
    }
    const std::vector<std::pair<std::string, double>> pieces = {{"\xE2\x96\x81", -10},
                                                                {"a", -11},
                                                                {"b", -12},
                                                                {"ab", -1},
                                                                {"\xE2\x96\x81"
                                                                 "a",
                                                                 -2},
                                                                {"abab", -3},
                                                                {"\xE2\x96\x81"
                                                                 "ab",
                                                                 -4}};
    for (const auto& [text, score] : pieces) {
        tokens.push_back(text);
        scores.push_back(score);
        types.push_back(1);
    }
    return {{"tokenizer.ggml.model", std::string("llama")},
            {"tokenizer.ggml.tokens", tokens},
            {"tokenizer.ggml.scores", scores},
            {"tokenizer.ggml.token_type", types},
            {"tokenizer.ggml.bos_token_id", uint64_t{1}},
            {"tokenizer.ggml.eos_token_id", uint64_t{2}},
            {"tokenizer.ggml.unknown_token_id", uint64_t{0}}};
}

/// A byte-level tokenizer.json with the 256 bytes, two merges and one special token.
std::string byteLevelJson() {
    std::string json =
        R"({"added_tokens":[{"id":258,"content":"<|x|>","special":true}],)"
        R"("pre_tokenizer":{"type":"ByteLevel","add_prefix_space":false},"model":{"type":"BPE","vocab":{)";
    for (size_t byte = 0; byte < 256; ++byte) {
        const std::string& spelling = byteSpellings()[byte];
        json += "\"" + (spelling == "\"" || spelling == "\\" ? "\\" + spelling : spelling) +
                "\":" + std::to_string(byte) + ",";
    }
    return json + R"("ab":256,"abc":257},"merges":["a b","ab c"]}})";
}

std::string firstDifference(const std::vector<int32_t>& got, const std::vector<int32_t>& expected) {
    for (size_t i = 0; i < std::min(got.size(), expected.size()); ++i) {
        if (got[i] != expected[i]) {
            return "id " + std::to_string(i) + " is " + std::to_string(got[i]) + ", not " +
                   std::to_string(expected[i]);
        }
    }
    return got.size() == expected.size()
               ? ""
               : std::to_string(got.size()) + " ids, not " + std::to_string(expected.size());
}

}  // namespace

class TestTokenizer : public QObject {
    Q_OBJECT

 private slots:
    void splits_data() {
        QTest::addColumn<QString>("file");
        QTest::newRow("gpt-2") << "splits_gpt2.txt";
        QTest::newRow("llama-bpe") << "splits_llama3.txt";
        QTest::newRow("qwen2") << "splits_qwen2.txt";
        QTest::newRow("smollm") << "splits_smollm.txt";
    }
    void splits() {
        QFETCH(QString, file);
        const std::string text = readAll(sourcePath("tests/golden/model/hard_text.txt"));
        const auto records = readGolden(file.toStdString());
        const GoldenRecord* bytes = findRecord(records, "bytes");
        QVERIFY(bytes && !text.empty());
        const auto preTokenizer = PreTokenizer::named(QTest::currentDataTag());
        QVERIFY(preTokenizer.has_value());
        std::vector<int32_t> lengths;
        std::string joined;
        const auto pieces = preTokenizer->split(text);
        QVERIFY(pieces.has_value());
        for (const std::string_view piece : *pieces) {
            lengths.push_back(static_cast<int32_t>(piece.size()));
            joined += piece;
        }
        QCOMPARE(joined, text);
        QCOMPARE(firstDifference(lengths, intsFrom(*bytes, 0)), std::string());
    }

    void hardText_data() {
        QTest::addColumn<QString>("model");
        QTest::addColumn<QString>("file");
        QTest::newRow("SmolLM2 GGUF") << "models/SmolLM2-135M-Instruct.Q4_1.gguf"
                                      << "tokens_smollm2.txt";
        QTest::newRow("sample tokenizer.json") << "samples/tiny-llama/tokenizer.json"
                                               << "tokens_sample.txt";
    }
    void hardText() {
        QFETCH(QString, model);
        QFETCH(QString, file);
        const std::string path = sourcePath(model.toStdString());
        const auto records = readGolden(file.toStdString());
        const GoldenRecord* ids = findRecord(records, "ids");
        if (!QFile::exists(QString::fromStdString(path)) || !ids)
            QSKIP("the model is not here (./dev get-model)");
        Result<std::shared_ptr<const Tokenizer>> tokenizer = fail(ErrorKind::NotFound, "");
        if (model.endsWith(".gguf")) {
            const auto checkpoint = openCheckpoint(path);
            QVERIFY(checkpoint.has_value());
            tokenizer = tokenizerFromGguf((*checkpoint)->metadata());
        } else {
            tokenizer = tokenizerFromJson(readAll(path));
        }
        QVERIFY2(tokenizer.has_value(), tokenizer ? "" : describe(tokenizer.error()).c_str());
        const std::string text = readAll(sourcePath("tests/golden/model/hard_text.txt"));
        auto encoded = (*tokenizer)->encode(text);
        QVERIFY(encoded.has_value());
        std::vector<int32_t> expected = intsFrom(*ids, 0);
        if ((*tokenizer)->addsBos()) encoded->insert(encoded->begin(), *(*tokenizer)->bos());
        QCOMPARE(firstDifference(*encoded, expected), std::string());
    }

    void invalidUtf8_data() {
        QTest::addColumn<QByteArray>("text");
        QTest::addColumn<qsizetype>("position");
        QTest::newRow("lone continuation") << QByteArray("ab\x80") << qsizetype{2};
        QTest::newRow("truncated at the end") << QByteArray("abc\xE2\x82") << qsizetype{3};
        QTest::newRow("overlong slash") << QByteArray("\xC0\xAF") << qsizetype{0};
        QTest::newRow("overlong three bytes") << QByteArray("x\xE0\x80\x80") << qsizetype{1};
        QTest::newRow("surrogate") << QByteArray("\xED\xA0\x80") << qsizetype{0};
        QTest::newRow("above U+10FFFF") << QByteArray("ok\xF4\x90\x80\x80") << qsizetype{2};
        QTest::newRow("byte FF") << QByteArray("\xFF") << qsizetype{0};
        QTest::newRow("well-formed") << QByteArray("a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80") << qsizetype{-1};
        QTest::newRow("with NUL") << QByteArray("a\0b", 3) << qsizetype{-1};
    }
    void invalidUtf8() {
        QFETCH(QByteArray, text);
        QFETCH(qsizetype, position);
        const auto tokenizer = tokenizerFromJson(byteLevelJson());
        QVERIFY2(tokenizer.has_value(), tokenizer ? "" : describe(tokenizer.error()).c_str());
        const auto ids = (*tokenizer)->encode(text.toStdString());
        QCOMPARE(ids.has_value(), position < 0);
        if (ids) {
            QCOMPARE(*(*tokenizer)->decode(*ids), text.toStdString());
        } else {
            QCOMPARE(ids.error().kind, ErrorKind::InvalidArgument);
            QVERIFY(ids.error().message.ends_with("byte " + std::to_string(position)));
        }
    }

    void byteLevel() {
        const auto tokenizer = tokenizerFromJson(byteLevelJson());
        QVERIFY(tokenizer.has_value());
        const auto ids = (*tokenizer)->encode("abcab<|x|>b");
        QVERIFY(ids.has_value());
        QCOMPARE(*ids, (std::vector<int32_t>{257, 256, 258, 'b'}));  // ids of single bytes are the bytes
        QCOMPARE(*(*tokenizer)->decode(*ids), std::string("abcab<|x|>b"));
        const std::vector<int32_t> outside = {259};
        QCOMPARE((*tokenizer)->decode(outside).error().kind, ErrorKind::InvalidArgument);
    }

    void sentencePiece() {
        const auto tokenizer = tokenizerFromGguf(sentencePieceMetadata());
        QVERIFY2(tokenizer.has_value(), tokenizer ? "" : describe(tokenizer.error()).c_str());
        QVERIFY((*tokenizer)->addsBos());
        // "ab" scores highest and merges first, then "▁a" cannot; "▁ab" joins what is left.
        const auto ids = (*tokenizer)->encode("ab");
        QCOMPARE(*ids, (std::vector<int32_t>{265}));
        // Two "ab" become "abab" (-3) before "▁ab" (-4) is considered.
        QCOMPARE(*(*tokenizer)->encode("abab"), (std::vector<int32_t>{259, 264}));
        // A character without a token falls back to its bytes.
        QCOMPARE(*(*tokenizer)->encode("\xC3\xA9"), (std::vector<int32_t>{259, 3 + 0xC3, 3 + 0xA9}));
        QCOMPARE(*(*tokenizer)->decode(*(*tokenizer)->encode("a b\xC3\xA9")), std::string("a b\xC3\xA9"));
        // Special tokens are taken out before the text is cut.
        QCOMPARE(*(*tokenizer)->encode("</s>ab"), (std::vector<int32_t>{2, 265}));
    }

    void byteTokensThatNameNoByte() {
        // "<0xZZ>" and "<0x-1>" look like bytes; they are texts.
        const auto tokenizer = tokenizerFromJson(
            R"({"model":{"byte_fallback":true,"vocab":{"<0xZZ>":0,"<0x-1>":1,"<0x41>":2},"merges":[]}})");
        QVERIFY2(tokenizer.has_value(), tokenizer ? "" : describe(tokenizer.error()).c_str());
        const std::vector<int32_t> ids = {0, 1, 2};
        QCOMPARE(*(*tokenizer)->decode(ids), std::string("<0xZZ><0x-1>A"));
    }

    void literalSplits() {
        // What ends a quotation in a regular expression is text here.
        const auto tokenizer = tokenizerFromJson(
            R"({"pre_tokenizer":{"type":"Split","behavior":"Isolated","pattern":{"String":"a\\E*b"}},)"
            R"("model":{"vocab":{"a":0,"\\":1,"E":2,"*":3,"b":4,"ba":5},"merges":["b a"]}})");
        QVERIFY2(tokenizer.has_value(), tokenizer ? "" : describe(tokenizer.error()).c_str());
        QCOMPARE(*(*tokenizer)->encode("ba\\E*ba"), (std::vector<int32_t>{4, 0, 1, 2, 3, 4, 0}));
        QCOMPARE(*(*tokenizer)->encode("baa"), (std::vector<int32_t>{5, 0}));
    }

    void endlessBacktrackingIsAnError() {
        const auto pattern = Pattern::compile("(?:a|a)+(?=b)");
        QVERIFY(pattern.has_value());
        std::vector<std::string_view> pieces;
        const std::string text(64, 'a');
        const Status cut = pattern->split(text, pieces);
        QVERIFY(!cut.has_value());
        QCOMPARE(cut.error().kind, ErrorKind::InvalidArgument);
        QVERIFY(!cut.error().message.empty());
    }

    void deepMatchesCutAsShallowOnes() {
        // More nesting than the compiled matcher's stack holds.
        const auto pattern = Pattern::compile("(?:(a)|b)*c");
        QVERIFY(pattern.has_value());
        std::vector<std::string_view> pieces;
        const std::string text = std::string(100'000, 'a') + "c" + "d";
        QVERIFY(pattern->split(text, pieces).has_value());
        QCOMPARE(pieces.size(), size_t{2});
        QCOMPARE(pieces[0].size(), size_t{100'001});
    }

    void longAndShortMergesAgree() {
        // Ranks chosen so that merges chain; the short scan and the queue must give the same tokens.
        MergeTable merges;
        for (int32_t left = 0; left < 40; ++left) {
            for (int32_t right = 0; right < 40; ++right) {
                const CounterRandom random(7, static_cast<uint64_t>(left * 64 + right));
                if (random.uniform(0) < 0.3) {
                    merges.add(left, right,
                               {static_cast<int32_t>(random.bits(1) % 50),
                                static_cast<int32_t>(random.bits(2) % 40)});
                }
            }
        }
        const CounterRandom random(11);
        for (uint64_t trial = 0; trial < 200; ++trial) {
            std::vector<int32_t> symbols;
            for (uint64_t i = 0; i < 60; ++i)
                symbols.push_back(static_cast<int32_t>(random.bits(trial * 64 + i) % 40));
            std::vector<int32_t> plain = symbols;
            while (true) {  // the definition: smallest rank, leftmost
                const Merge* best = nullptr;
                size_t at = 0;
                for (size_t i = 0; i + 1 < plain.size(); ++i) {
                    const Merge* merge = merges.find(plain[i], plain[i + 1]);
                    if (merge && (!best || merge->rank < best->rank)) {
                        best = merge;
                        at = i;
                    }
                }
                if (!best) break;
                plain[at] = best->token;
                plain.erase(plain.begin() + static_cast<std::ptrdiff_t>(at) + 1);
            }
            merges.apply(symbols);
            QCOMPARE(symbols, plain);
        }
    }

    void badTokenizers_data() {
        QTest::addColumn<QString>("json");
        QTest::addColumn<int>("kind");
        const auto malformed = static_cast<int>(ErrorKind::Malformed);
        const auto unsupported = static_cast<int>(ErrorKind::Unsupported);
        QTest::newRow("empty") << "" << malformed;
        QTest::newRow("not an object") << "[1]" << malformed;
        QTest::newRow("no vocabulary") << R"({"model":{"type":"BPE"}})" << malformed;
        QTest::newRow("id far away") << R"({"model":{"type":"BPE","vocab":{"a":4000000},"merges":[]}})"
                                     << malformed;
        QTest::newRow("negative id") << R"({"model":{"type":"BPE","vocab":{"a":-1},"merges":[]}})"
                                     << malformed;
        QTest::newRow("merge of unknown tokens")
            << R"({"model":{"type":"BPE","vocab":{"a":0},"merges":["a b"]}})" << malformed;
        QTest::newRow("merge of numbers")
            << R"({"model":{"type":"BPE","vocab":{"a":0},"merges":[3]}})" << malformed;
        QTest::newRow("added token far away")
            << R"({"added_tokens":[{"id":3999999,"content":"x"}],"model":{"type":"BPE","vocab":{"a":0},"merges":[]}})"
            << malformed;
        QTest::newRow("unigram") << R"({"model":{"type":"Unigram","vocab":[]}})" << unsupported;
        QTest::newRow("unknown normalizer")
            << R"({"normalizer":{"type":"NFC"},"model":{"type":"BPE","vocab":{"a":0},"merges":[]}})"
            << unsupported;
        QTest::newRow("unknown pre-tokenizer")
            << R"({"pre_tokenizer":{"type":"Bert"},"model":{"type":"BPE","vocab":{"a":0},"merges":[]}})"
            << unsupported;
        QTest::newRow("pattern that does not compile")
            << R"({"pre_tokenizer":{"type":"Split","behavior":"Isolated","pattern":{"Regex":"*"}},"model":{"type":"BPE","vocab":{"a":0},"merges":[]}})"
            << static_cast<int>(ErrorKind::InvalidArgument);
        QTest::newRow("pattern that cuts inside characters")
            << R"({"pre_tokenizer":{"type":"Split","behavior":"Isolated","pattern":{"Regex":"\\C"}},"model":{"type":"BPE","vocab":{"a":0},"merges":[]}})"
            << static_cast<int>(ErrorKind::InvalidArgument);
    }
    void badTokenizers() {
        QFETCH(QString, json);
        QFETCH(int, kind);
        const auto tokenizer = tokenizerFromJson(json.toStdString());
        QVERIFY(!tokenizer.has_value());
        QCOMPARE(static_cast<int>(tokenizer.error().kind), kind);
    }

    void badGgufTokenizers() {
        QCOMPARE(tokenizerFromGguf({}).error().kind, ErrorKind::NotFound);
        Metadata metadata = sentencePieceMetadata();
        metadata["tokenizer.ggml.model"] = std::string("bert");
        QCOMPARE(tokenizerFromGguf(metadata).error().kind, ErrorKind::Unsupported);
        metadata = sentencePieceMetadata();
        metadata["tokenizer.ggml.scores"] = std::vector<double>{1};
        QCOMPARE(tokenizerFromGguf(metadata).error().kind, ErrorKind::Malformed);
        for (const bool length : {false, true}) {
            metadata = sentencePieceMetadata();
            if (length)
                std::get<std::vector<std::string>>(metadata["tokenizer.ggml.tokens"]).back() =
                    std::string(1 << 20, 'a');
            else
                std::get<std::vector<double>>(metadata["tokenizer.ggml.scores"]).back() = std::nan("");
            QCOMPARE(tokenizerFromGguf(metadata).error().kind, ErrorKind::Malformed);
        }
        metadata = sentencePieceMetadata();
        metadata["tokenizer.ggml.model"] = std::string("gpt2");
        metadata["tokenizer.ggml.pre"] = std::string("nobody-knows");
        QCOMPARE(tokenizerFromGguf(metadata).error().kind, ErrorKind::Unsupported);
        metadata["tokenizer.ggml.pre"] = std::string("gpt-2");
        QCOMPARE(tokenizerFromGguf(metadata).error().kind, ErrorKind::Malformed);  // no merges
    }
};

QTEST_APPLESS_MAIN(TestTokenizer)
#include "test_tokenizer.moc"
