// SPDX-License-Identifier: Apache-2.0
// The CUDA kernels' own bodies on an emulated GPU, against plain loops and the CPU's kernels: every index,
// edge, copy schedule and barrier, without a GPU.
#include <fmt/format.h>

#include <QTest>
#include <cmath>
#include <cstddef>
#include <limits>
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
    problem.output.stride = (c.n + 3) / 2 * 2;
    problem.output.columnSums = o.columnSums.data();
    return problem;
}

int64_t dot(Operands& o, const Case& c, bool isSigned, int i, int j) {
    int64_t sum = 0;
    for (int k = 0; k < c.k; ++k) {
        const uint8_t code = o.x.at(i, k);
        const int32_t x = isSigned ? int32_t{static_cast<int8_t>(code)} : int32_t{code};
        sum += x * static_cast<int8_t>(o.w.at(j, k));
    }
    return sum;
}

/// Empty when every sum is exact and nothing beside the product was written.
std::string checkSums(const Case& c, bool isSigned, TileKind tile, bool backwards) {
    Operands o(c, isSigned);
    constexpr int32_t kUntouched = 0x5A5A5A5A;
    const int stride = (c.n + 3) / 2 * 2;
    std::vector<int32_t> y(static_cast<size_t>(c.m * stride), kUntouched);
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

/// A weight in device order from the source of a packed one.
std::vector<uint32_t> wordsOf(const Int4Source& source) {
    const int64_t pitch = (source.inputs + cuda::kCodesOfWord - 1) / cuda::kCodesOfWord;
    std::vector<uint32_t> words(static_cast<size_t>(source.outputs * pitch));
    for (int64_t j = 0; j < source.outputs; ++j) {
        for (int64_t k = 0; k < source.inputs; ++k) {
            words[static_cast<size_t>(j * pitch + k / 8)] |= uint32_t{source.codes[j * source.inputs + k]}
                                                             << (4 * (k % 8));
        }
    }
    return words;
}

/// Distinct 16-byte (or `width`-byte) places that `places` names.
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
    void emulatorSeesMistakes_data();
    void emulatorSeesMistakes();
    void sums_data();
    void sums();
    void longestSums();
    void dequantized_data();
    void dequantized();
    void int4_data();
    void int4();
    void quantized_data();
    void quantized();
    void badRows();
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

void CudaTilesTest::emulatorSeesMistakes_data() {
    QTest::addColumn<int>("mistake");
    QTest::addColumn<QString>("says");
    QTest::newRow("no barrier") << 0 << "without a barrier";
    QTest::newRow("copy not awaited") << 1 << "on its way";
    QTest::newRow("copy awaited, no barrier") << 2 << "without a barrier";
    QTest::newRow("never written") << 3 << "nobody wrote";
    QTest::newRow("overwritten too early") << 4 << "may still read";
    QTest::newRow("two writers") << 5 << "and another write";
    QTest::newRow("beyond") << 6 << "beyond";
    QTest::newRow("none") << 7 << "";
}

void CudaTilesTest::emulatorSeesMistakes() {
    QFETCH(int, mistake);
    QFETCH(QString, says);
    alignas(16) const std::array<uint8_t, 16> source{};
    test::HostMachine machine(0, 0, 32, 1024, false);
    struct None {};
    test::HostMachine::Registers<None> registers(machine);
    const auto each = [&](const auto& f) {
        machine.eachThread(registers, [&](int thread, None&) { f(thread); });
    };
    const auto readNeighbour = [&] {
        each([&](int thread) { machine.loadShared(thread, 16 * ((thread + 1) % 32)); });
    };
    if (mistake == 1 || mistake == 2) {
        each([&](int thread) { machine.copyAsync(thread, 16 * thread, source.data(), 16); });
        machine.commitCopies();
        if (mistake == 2) machine.waitForCopies<0>();
        if (mistake == 1) machine.barrier();
        readNeighbour();
    } else if (mistake != 3) {
        each([&](int thread) { machine.storeShared(thread, 16 * (mistake == 5 ? 0 : thread), 1); });
        if (mistake == 4 || mistake == 7) machine.barrier();
        if (mistake == 6) each([&](int thread) { machine.storeShared(thread, 1024, 1); });
        readNeighbour();
        if (mistake == 4) each([&](int thread) { machine.storeShared(thread, 16 * thread, 2); });
    } else {
        readNeighbour();
    }
    const QString error = QString::fromStdString(machine.error());
    QVERIFY2(says.isEmpty() ? error.isEmpty() : error.contains(says), qPrintable(error));
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

void CudaTilesTest::int4_data() {
    QTest::addColumn<int>("groupSize");
    QTest::addColumn<bool>("zeros");
    for (const int groupSize : {0, 4, 12, 32, 64, 128}) {
        for (const bool zeros : {false, true}) {
            QTest::addRow("group %d%s", groupSize, zeros ? ", zeros" : "") << groupSize << zeros;
        }
    }
}

void CudaTilesTest::int4() {
    QFETCH(int, groupSize);
    QFETCH(bool, zeros);
    bool backwards = false;
    for (const Case& c : {Case{1, 1, 1},
                          {1, 9, 2},
                          {2, 8, 3},
                          {3, 7, 4},
                          {4, 17, 5},
                          {5, 9, 7},
                          {1, 8, 8},
                          {6, 5, 12},
                          {1, 20, 255},
                          {4, 7, 256},
                          {5, 3, 257},
                          {9, 10, 260},
                          {2, 16, 576}}) {
        std::mt19937 random(static_cast<uint32_t>(c.m + 100 * c.n + 10000 * c.k));
        const int64_t size = groupSize == 0 ? (c.k + 3) / 4 * 4 : groupSize;
        const int64_t groups = (c.k + size - 1) / size;
        const auto real = [&] { return static_cast<float>(random() % 2001) * 0.001F - 1.0F; };
        const int64_t pitch = cuda::pitchOf(4 * c.k) / 4;
        std::vector<float> x(static_cast<size_t>(c.m * pitch), std::numeric_limits<float>::quiet_NaN());
        for (int i = 0; i < c.m; ++i)
            for (int k = 0; k < c.k; ++k) x[static_cast<size_t>(i * pitch + k)] = real();
        std::vector<uint8_t> codes(static_cast<size_t>(c.n * c.k)),
            zeroPoints(static_cast<size_t>(c.n * groups));
        for (uint8_t& q : codes) q = random() % 16;
        for (uint8_t& z : zeroPoints) z = random() % 16;
        std::vector<float> scales(zeroPoints.size()), bias(static_cast<size_t>(c.n));
        for (float& s : scales) s = real();
        for (float& b : bias) b = real();
        const Int4Source source{codes.data(), c.n,           c.k,
                                size,         scales.data(), zeros ? zeroPoints.data() : nullptr};
        const std::vector<uint32_t> words = wordsOf(source);
        std::vector<float> y(static_cast<size_t>(c.m * (c.n + 1)), 77.0F);
        cuda::Int4Problem problem{x.data(),      pitch,        words.data(), (c.k + 7) / 8,
                                  scales.data(), source.zeros, bias.data(),  y.data(),
                                  c.n + 1,       c.m,          c.n,          c.k};
        problem.groups = static_cast<int>(groups);
        problem.groupSize = static_cast<int>(size);
        problem.groupShift = cuda::shiftOf(size);
        const std::string wrong = test::emulateInt4(problem, backwards);
        QVERIFY2(wrong.empty(), wrong.c_str());
        backwards = !backwards;
        for (int i = 0; i < c.m; ++i) {
            for (int j = 0; j < c.n; ++j) {
                double sum = static_cast<double>(bias[static_cast<size_t>(j)]);
                double magnitude = std::abs(sum);
                for (int k = 0; k < c.k; ++k) {
                    const auto group = static_cast<size_t>(j * groups + k / size);
                    const int zero = zeros ? zeroPoints[group] : 8;
                    const double term = static_cast<double>(x[static_cast<size_t>(i * pitch + k)]) *
                                        static_cast<double>(scales[group]) *
                                        (codes[static_cast<size_t>(j * c.k + k)] - zero);
                    sum += term;
                    magnitude += std::abs(term);
                }
                const auto got = static_cast<double>(y[static_cast<size_t>(i * (c.n + 1) + j)]);
                if (!(std::abs(got - sum) <= 1e-6 * magnitude))
                    QFAIL(fmt::format("{}: [{}][{}] is {}, not {}", name(c), i, j, got, sum).c_str());
            }
            QCOMPARE(y[static_cast<size_t>(i * (c.n + 1) + c.n)], 77.0F);
        }
    }
}

void CudaTilesTest::quantized_data() {
    QTest::addColumn<bool>("isSigned");
    QTest::addColumn<bool>("isFixed");
    QTest::addColumn<float>("scale");
    for (const bool isSigned : {true, false}) {
        for (const bool isFixed : {false, true}) {
            for (const float scale : {1.0F, 1e-30F, 2e35F, 0.0173F, 0.0F, 1e-37F}) {
                QTest::addRow("%s %s %g", isSigned ? "s8" : "u8", isFixed ? "fixed" : "dynamic",
                              static_cast<double>(scale))
                    << isSigned << isFixed << scale;
            }
        }
    }
}

void CudaTilesTest::quantized() {
    QFETCH(bool, isSigned);
    QFETCH(bool, isFixed);
    QFETCH(float, scale);
    const KernelTable& reference = *kernelTables().back();
    const auto kind = isSigned ? ActivationCodes::SymmetricS8 : ActivationCodes::AffineU8;
    const StaticRange fixed{0.5F, isSigned ? 0 : 100};
    for (const int64_t cols : {1, 2, 31, 32, 33, 255, 256, 257, 576}) {
        constexpr int64_t kRows = 3;
        std::vector<float> values(static_cast<size_t>(kRows * cols));
        std::mt19937 random(static_cast<uint32_t>(cols));
        for (float& v : values) v = scale * (static_cast<float>(random() % 2001) - 700.0F);
        QuantizedRows expected;
        QVERIFY(quantizeRows(reference, {values.data(), kRows, cols, cols}, kind, expected,
                             isFixed ? std::optional(fixed) : std::nullopt));
        std::vector<uint8_t> codes(values.size());
        std::vector<float> scales(kRows), back(values.size());
        std::vector<int32_t> zeros(kRows);
        int64_t firstBad = kRows;
        const cuda::QuantizeProblem problem{values.data(),
                                            cols,
                                            kRows,
                                            cols,
                                            isSigned,
                                            isFixed,
                                            {fixed.scale, 1 / fixed.scale, fixed.zero},
                                            codes.data(),
                                            cols,
                                            scales.data(),
                                            zeros.data(),
                                            &firstBad};
        const std::string wrong = test::emulateQuantize(problem);
        QVERIFY2(wrong.empty(), wrong.c_str());
        QCOMPARE(firstBad, kRows);
        QCOMPARE(codes, expected.codes);
        QCOMPARE(scales, expected.scales);
        if (!isSigned) QCOMPARE(zeros, expected.zeros);
        const std::string dequantizing = test::emulateDequantize(
            {codes.data(), cols, kRows, cols, isSigned, scales.data(), zeros.data(), back.data(), cols});
        QVERIFY2(dequantizing.empty(), dequantizing.c_str());
        for (size_t i = 0; i < back.size(); ++i) {
            const size_t row = i / static_cast<size_t>(cols);
            const int32_t code = isSigned ? int32_t{static_cast<int8_t>(codes[i])} : int32_t{codes[i]};
            QCOMPARE(back[i], static_cast<float>(code - zeros[row]) * scales[row]);
        }
    }
}

void CudaTilesTest::badRows() {
    for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(),
                            -std::numeric_limits<float>::infinity()}) {
        for (const int64_t at : {int64_t{0}, int64_t{31}, int64_t{255}, int64_t{256}, int64_t{299}}) {
            std::vector<float> values(900, 1.0F);
            values[static_cast<size_t>(300 + at)] = bad;
            values[700] = bad;
            std::vector<uint8_t> codes(values.size());
            std::vector<float> scales(3);
            std::vector<int32_t> zeros(3);
            int64_t firstBad = 3;
            const std::string wrong = test::emulateQuantize({values.data(),
                                                             300,
                                                             3,
                                                             300,
                                                             true,
                                                             false,
                                                             {},
                                                             codes.data(),
                                                             300,
                                                             scales.data(),
                                                             zeros.data(),
                                                             &firstBad},
                                                            at % 2 == 0);
            QVERIFY2(wrong.empty(), wrong.c_str());
            QCOMPARE(firstBad, int64_t{1});
        }
    }
}

}  // namespace quantscope

QTEST_APPLESS_MAIN(quantscope::CudaTilesTest)
#include "cuda_tiles_test.moc"
