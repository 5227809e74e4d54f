// SPDX-License-Identifier: Apache-2.0
// The CUDA kernels' own bodies on an emulated GPU, against plain loops and the CPU's kernels: every index,
// edge, copy schedule and barrier, without a GPU.
#include <fmt/format.h>

#include <QTest>
#include <cstddef>
#include <map>
#include <random>
#include <set>
#include <vector>

#include "cuda_emulation.h"
#include "kernels/integer_gemm.h"

Q_DECLARE_METATYPE(quantscope::cuda::TileKind)

namespace quantscope {
namespace {

using cuda::TileKind;

enum class Values { Random, LowestLowest, HighestHighest, HighestLowest };

struct Case {
    int m, n, k;
    Values values = Values::Random;
};

std::string name(const Case& c) {
    return fmt::format("m{} n{} k{} {}", c.m, c.n, c.k, static_cast<int>(c.values));
}

/// Aligned like a device's allocation; what lies between the rows is not zero.
struct Codes {
    std::vector<std::max_align_t> memory;
    int64_t pitch;

    Codes(int rows, int cols)
        : memory(static_cast<size_t>(rows * cuda::pitchOf(cols)) / sizeof(std::max_align_t) + 1),
          pitch(cuda::pitchOf(cols)) {}
    [[nodiscard]] uint8_t* data() { return reinterpret_cast<uint8_t*>(memory.data()); }
    [[nodiscard]] uint8_t& at(int64_t row, int64_t col) { return data()[row * pitch + col]; }
};

struct Operands {
    Codes x, w;
    std::vector<int32_t> columnSums;
    std::vector<int8_t> dense;  ///< W without gaps

    Operands(const Case& c, bool isSigned) : x(c.m, c.k), w(c.n, c.k) {
        std::mt19937 random(static_cast<uint32_t>(c.m * 10007 + c.n * 101 + c.k));
        const uint8_t lowX = isSigned ? 0x80 : 0, highX = isSigned ? 0x7F : 0xFF;
        const bool isRandom = c.values == Values::Random;
        fill(x, c.m, [&] {
            return isRandom                           ? static_cast<uint8_t>(random())
                   : c.values == Values::LowestLowest ? lowX
                                                      : highX;
        });
        fill(w, c.n, [&] {
            return isRandom                             ? static_cast<uint8_t>(random())
                   : c.values == Values::HighestHighest ? uint8_t{0x7F}
                                                        : uint8_t{0x80};
        });
        for (int j = 0; j < c.n; ++j) {
            int32_t sum = 0;
            for (int k = 0; k < c.k; ++k) {
                dense.push_back(static_cast<int8_t>(w.at(j, k)));
                sum += dense.back();
            }
            columnSums.push_back(sum);
        }
    }

    template <class Value>
    static void fill(Codes& codes, int rows, const Value& value) {
        for (int64_t i = 0; i < rows * codes.pitch; ++i) codes.data()[i] = value();
    }
};

/// Beyond the columns, so that writes beside them would be seen.
int evenStride(int columns) {
    return (columns + 3) / 2 * 2;
}

cuda::Int8Problem problemOf(const Case& c, Operands& o, std::vector<int32_t>& y) {
    cuda::Int8Problem problem;
    problem.x = o.x.data();
    problem.xPitch = o.x.pitch;
    problem.w = reinterpret_cast<const int8_t*>(o.w.data());
    problem.wPitch = o.w.pitch;
    problem.rows = c.m;
    problem.columns = c.n;
    problem.depth = c.k;
    problem.output.sums = y.data();
    problem.output.stride = evenStride(c.n);
    problem.output.columnSums = o.columnSums.data();
    return problem;
}

int64_t dot(Operands& o, const Case& c, bool isSigned, int i, int j) {
    int64_t sum = 0;
    for (int k = 0; k < c.k; ++k) {
        const uint8_t code = o.x.at(i, k);
        const int32_t x = isSigned ? int32_t{static_cast<int8_t>(code)} : int32_t{code};
        sum += int64_t{x} * static_cast<int8_t>(o.w.at(j, k));
    }
    return sum;
}

/// Empty when every sum is exact and nothing beside the product was written.
std::string checkSums(const Case& c, bool isSigned, TileKind tile, bool backwards) {
    Operands o(c, isSigned);
    constexpr int32_t kUntouched = 0x5A5A5A5A;
    const int stride = evenStride(c.n);
    std::vector<int32_t> y(static_cast<size_t>(c.m) * static_cast<size_t>(stride), kUntouched);
    const std::string wrong = test::emulateInt8(problemOf(c, o, y), isSigned, tile, backwards);
    if (!wrong.empty()) return name(c) + ": " + wrong;
    for (int i = 0; i < c.m; ++i) {
        for (int j = 0; j < stride; ++j) {
            const int64_t expected = j < c.n ? dot(o, c, isSigned, i, j) : kUntouched;
            const int32_t got = y[static_cast<size_t>(i * stride + j)];
            if (got != expected)
                return fmt::format("{}: [{}][{}] is {}, not {}", name(c), i, j, got, expected);
        }
    }
    return {};
}

/// Around every size of a tile, a stage and a copy.
std::vector<Case> cases(TileKind tile) {
    const int rows = tile == TileKind::Large ? 128 : tile == TileKind::Narrow ? 16 : 64;
    const int columns = tile == TileKind::Large ? 128 : 64;
    std::vector<Case> all{{1, 1, 1}, {rows, columns, 64}, {2 * rows + 3, columns + 5, 200}};
    for (const int m : {1, 7, 8, 9, rows - 1, rows + 1}) all.push_back({m, 3, 36});
    for (const int n : {1, 2, 7, 8, 9, 15, 17, 31, 33, columns - 1, columns + 1}) all.push_back({2, n, 36});
    for (const int k : {1, 2, 3, 4, 5, 15, 16, 17, 31, 32, 33, 47, 63, 64, 65, 127, 128, 129, 191, 193, 257})
        all.push_back({3, 5, k});
    for (const Values values : {Values::LowestLowest, Values::HighestHighest, Values::HighestLowest})
        all.push_back({rows + 1, 9, 515, values});
    return all;
}

/// Where the threads copy a stage's chunks to.
template <class Plan>
std::set<int> offsetsOfAStage() {
    std::set<int> offsets;
    for (int thread = 0; thread < Plan::kThreads; ++thread) {
        for (int i = 0; i < Plan::kChunksOfThread; ++i) {
            const cuda::Place chunk = Plan::chunkOfThread(thread, i);
            if (chunk.row >= Plan::kRows + Plan::kColumns) continue;
            offsets.insert(Plan::sharedOffset(0, chunk.row, chunk.column));
        }
    }
    return offsets;
}

template <class Plan>
std::string checkStage() {
    const std::set<int> offsets = offsetsOfAStage<Plan>();
    if (static_cast<int>(offsets.size()) != Plan::kChunks) return "chunks share a place, or some has none";
    if (*offsets.begin() != 0 || *offsets.rbegin() != Plan::kStageBytes - 16) return "a stage has gaps";
    if (Plan::sharedOffset(2, 0, 0) != 2 * Plan::kStageBytes) return "stages are not one after the other";
    std::set<std::pair<int, int>> sums;
    for (int thread = 0; thread < Plan::kThreads; ++thread) {
        for (int i = 0; i < Plan::kMmaDown * Plan::kMmaAcross * 4; ++i) {
            const cuda::Place warp = Plan::warpCorner(thread), lane = cuda::sumOfLane(thread % 32, i % 4);
            sums.insert({warp.row + i / 4 / Plan::kMmaAcross * 16 + lane.row,
                         warp.column + i / 4 % Plan::kMmaAcross * 8 + lane.column});
        }
    }
    const bool all = static_cast<int>(sums.size()) == Plan::kRows * Plan::kColumns &&
                     *sums.rbegin() == std::pair(Plan::kRows - 1, Plan::kColumns - 1);
    return all ? "" : "a sum belongs to nobody, or to two";
}

}  // namespace

class CudaTilesTest : public QObject {
    Q_OBJECT
 private slots:
    void places();
    void dotTileBanks();
    void choice();
    void sums_data();
    void sums();
    void longestSums();
    void dequantized_data();
    void dequantized();
};

void CudaTilesTest::places() {
    QCOMPARE(checkStage<cuda::LargeTile>(), std::string());
    QCOMPARE(checkStage<cuda::MediumTile>(), std::string());
    QCOMPARE(checkStage<cuda::NarrowTile>(), std::string());
    QCOMPARE(cuda::existing(-3, 16), 0);
    QCOMPARE(cuda::existing(5, 16), 5);
    QCOMPARE(cuda::existing(int64_t{1} << 40, 16), 16);
    QCOMPARE(cuda::firstCodes(0xA1B2C3D4U, 0), 0U);
    QCOMPARE(cuda::firstCodes(0xA1B2C3D4U, 1), 0xD4U);
    QCOMPARE(cuda::firstCodes(0xA1B2C3D4U, 3), 0xB2C3D4U);
    QCOMPARE(cuda::firstCodes(0xA1B2C3D4U, 4), 0xA1B2C3D4U);
    QCOMPARE(cuda::pitchOf(1), 16);
    QCOMPARE(cuda::pitchOf(32), 32);
    QCOMPARE(cuda::shiftOf(128), 7);
    QCOMPARE(cuda::shiftOf(12), -1);
    for (uint32_t code = 0; code < 16; ++code) {
        for (int zero = 0; zero < 16; ++zero) {
            QCOMPARE(cuda::codeLessZero(code, cuda::kTwoTo23 + static_cast<float>(zero)),
                     static_cast<float>(static_cast<int>(code) - zero));
        }
    }
}

void CudaTilesTest::dotTileBanks() {
    using Tile = cuda::DotTile;
    std::set<int> stored;
    for (int thread = 0; thread < Tile::kThreads; ++thread) {
        for (int i = 0; i < Tile::kWordsOfThread; ++i) {
            const cuda::Place word = Tile::wordOfThread(thread, i);
            stored.insert(Tile::sharedOffset(word.row, word.column));
        }
    }
    QCOMPARE(static_cast<int>(stored.size()), (Tile::kRows + Tile::kColumns) * Tile::kWords);
    QVERIFY(*stored.rbegin() < Tile::kSharedBytes);
    for (int word = 0; word < Tile::kWords; ++word) {
        std::map<int, std::set<int>> wordsOfBank;
        for (int lane = 0; lane < 32; ++lane) {
            const int offset = Tile::sharedOffset(Tile::kRows + Tile::sumOfThread(lane, 0, 1).column, word);
            wordsOfBank[offset / 4 % 32].insert(offset);
        }
        for (const auto& [bank, words] : wordsOfBank) QCOMPARE(static_cast<int>(words.size()), 1);
    }
}

void CudaTilesTest::choice() {
    constexpr int kMultiprocessors = 132;
    QVERIFY(cuda::chooseTile(512, 4096, 40, false) == TileKind::Dot);
    QVERIFY(cuda::chooseTile(1, 49152, kMultiprocessors, true) == TileKind::Narrow);
    QVERIFY(cuda::chooseTile(16, 576, kMultiprocessors, true) == TileKind::Narrow);
    QVERIFY(cuda::chooseTile(17, 576, kMultiprocessors, true) == TileKind::Medium);
    QVERIFY(cuda::chooseTile(512, 576, kMultiprocessors, true) == TileKind::Medium);  // 20 large tiles
    QVERIFY(cuda::chooseTile(512, 49152, kMultiprocessors, true) == TileKind::Large);
    QVERIFY(cuda::chooseTile(64, 49152, kMultiprocessors, true) == TileKind::Medium);
}

void CudaTilesTest::sums_data() {
    QTest::addColumn<TileKind>("tile");
    QTest::addColumn<bool>("isSigned");
    for (const bool isSigned : {true, false}) {
        const char* type = isSigned ? "s8s8" : "u8s8";
        QTest::addRow("128 x 128 %s", type) << TileKind::Large << isSigned;
        QTest::addRow("64 x 64 %s", type) << TileKind::Medium << isSigned;
        QTest::addRow("16 x 64 %s", type) << TileKind::Narrow << isSigned;
        QTest::addRow("dp4a %s", type) << TileKind::Dot << isSigned;
    }
}

void CudaTilesTest::sums() {
    QFETCH(TileKind, tile);
    QFETCH(bool, isSigned);
    bool backwards = false;
    for (const Case& c : cases(tile)) {
        const std::string wrong = checkSums(c, isSigned, tile, backwards);
        QVERIFY2(wrong.empty(), wrong.c_str());
        backwards = !backwards;
    }
}

/// As far as an int32 goes.
void CudaTilesTest::longestSums() {
    for (const Values values : {Values::LowestLowest, Values::HighestLowest}) {
        const std::string isSigned = checkSums({1, 2, kMaxInputsS8S8, values}, true, TileKind::Narrow, false);
        QVERIFY2(isSigned.empty(), isSigned.c_str());
        const std::string isUnsigned =
            checkSums({1, 2, kMaxInputsU8S8, values}, false, TileKind::Narrow, false);
        QVERIFY2(isUnsigned.empty(), isUnsigned.c_str());
    }
}

void CudaTilesTest::dequantized_data() {
    QTest::addColumn<bool>("isSigned");
    QTest::addColumn<bool>("rowZeros");
    QTest::addColumn<bool>("columnZeros");
    QTest::addColumn<bool>("bias");
    QTest::addColumn<bool>("accumulate");
    QTest::newRow("symmetric") << true << false << false << false << false;
    QTest::newRow("bias") << true << false << false << true << false;
    QTest::newRow("u8 affine rows") << false << true << false << true << false;
    QTest::newRow("affine weight") << true << false << true << false << false;
    QTest::newRow("both affine, accumulate") << false << true << true << true << true;
    QTest::newRow("s8, both affine") << true << true << true << true << false;
}

void CudaTilesTest::dequantized() {
    QFETCH(bool, isSigned);
    QFETCH(bool, rowZeros);
    QFETCH(bool, columnZeros);
    QFETCH(bool, bias);
    QFETCH(bool, accumulate);
    const KernelTable& reference = *kernelTables().back();
    for (const TileKind tile : {TileKind::Large, TileKind::Medium, TileKind::Narrow, TileKind::Dot}) {
        const Case c{19, 71, 67};
        Operands o(c, isSigned);
        std::mt19937 random(5);
        const auto fill = [&](int count) {
            std::vector<float> values(static_cast<size_t>(count));
            for (float& v : values) v = static_cast<float>(random() % 1000) * 0.001F - 0.3F;
            return values;
        };
        const auto rowScales = fill(c.m), columnScales = fill(c.n), biases = fill(c.n), old = fill(c.m * 72);
        std::vector<int32_t> xZeros(static_cast<size_t>(c.m)), wZeros(static_cast<size_t>(c.n)), terms;
        for (int32_t& z : xZeros) z = static_cast<int32_t>(random() % 256) - (isSigned ? 128 : 0);
        for (int32_t& z : wZeros) z = static_cast<int32_t>(random() % 256) - 128;
        for (int i = 0; i < c.m; ++i) {
            int32_t term = 0;
            for (int k = 0; k < c.k; ++k) {
                const uint8_t code = o.x.at(i, k);
                term += isSigned ? static_cast<int8_t>(code) : code;
            }
            terms.push_back(term - (rowZeros ? c.k * xZeros[static_cast<size_t>(i)] : 0));
        }
        std::vector<int32_t> none;
        std::vector<float> y = old, expected = old;
        cuda::Int8Problem problem = problemOf(c, o, none);
        Int8Output& out = problem.output;
        out.floats = y.data();
        out.stride = 72;
        out.accumulate = accumulate;
        out.rowZeros = rowZeros ? xZeros.data() : nullptr;
        out.columnZeros = columnZeros ? wZeros.data() : nullptr;
        out.rowTerms = terms.data();
        out.rowScales = rowScales.data();
        out.columnScales = columnScales.data();
        out.bias = bias ? biases.data() : nullptr;
        const std::string wrong = test::emulateInt8(problem, isSigned, tile);
        QVERIFY2(wrong.empty(), wrong.c_str());
        const auto packed = PackedInt8Weights::pack(o.dense.data(), c.n, c.k);
        QVERIFY(packed);
        const CodeView x{o.x.data(), isSigned, c.m, c.k, o.x.pitch};
        QVERIFY(multiplyInt8(
            reference, x, *packed,
            {rowScales.data(), columnScales.data(), out.bias, out.rowZeros, out.columnZeros, accumulate},
            expected.data(), 72));
        QCOMPARE(y, expected);
    }
}

}  // namespace quantscope

QTEST_APPLESS_MAIN(quantscope::CudaTilesTest)
#include "test_cuda_tiles.moc"
