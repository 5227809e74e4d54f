// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "quant/passes/error_split.h"
#include "quant/passes/quantize_params.h"

namespace quantscope {

/// Extremes of a run of floats; NaN elements are counted and otherwise ignored, infinities take part.
struct Extremes {
    float minimum = 0;  ///< 0 when there is no number
    float maximum = 0;
    int64_t count = 0;  ///< numbers (not NaN)
    int64_t nanCount = 0;
    int64_t infCount = 0;
    double sum = 0;
    double sumOfSquares = 0;
};

/// The groups of a run of consecutive elements. groupSize = 1 gives every column its own parameters.
struct GroupRun {
    const GroupParams* groups = nullptr;  ///< for r^ (and for codes where `encode` is null)
    const GroupParams* encode = nullptr;  ///< for codes; see QuantizeParams::encodeDiffers
    int64_t groupSize = 1;
};

/// Counts of elements by an index: element j of a run may count at counts[(j % 4) * stride + index], so that
/// equal neighbours do not wait for each other (stride 0: all share one set). The owner adds up the four sets
/// and empties them before 2^32 elements. Null: nothing is counted.
struct Counters {
    static constexpr int kSets = 4;
    uint32_t* counts = nullptr;
    int64_t stride = 0;
};

/// Equal bins as in ElementwiseKernels::histogram with perUnit = bins / (high - low). One more counter a set
/// takes NaN, which nobody reads: stride is bins + 1.
struct BinCounters {
    Counters counters;
    float low = 0;
    float perUnit = 0;
    int bins = 1;
};

/// Sums of each column, added to; null: not wanted. Each array goes on for kPadding elements beyond the run
/// (a vector's last lanes add zeros there).
struct ColumnSinks {
    static constexpr int64_t kPadding = 16;
    double* signal = nullptr;
    double* output = nullptr;
    double* sse = nullptr;
    double* clippingSse = nullptr;
    float* maxAbs = nullptr;
    int64_t* clipped = nullptr;
};

/// Where measureGroups puts what it finds.
struct MeasureSinks {
    ErrorSplit* groups = nullptr;  ///< one a group of the run, overwritten
    ColumnSinks columns;
    Counters codes;      ///< index: code - codeMin
    BinCounters values;  ///< of r^
    BinCounters errors;  ///< of r - r^
};

/// Fast forms of the elementwise passes, one table an instruction set; each is bit-exact with the reference
/// table in every integer and every r^ (sums in double may differ in the last bits: the order of addition is
/// the kernel's own). All work on consecutive floats in the calling thread; the caller cuts the work and
/// starts threads.
struct ElementwiseKernels {
    /// Extremes, sum and sum of squares in one pass.
    Extremes (*extremes)(const float* src, int64_t count);
    /// dst = r^ (dst may equal src). Stochastic rounding included.
    void (*fakeQuantize)(const float* src, float* dst, int64_t count, const QuantizeParams& params);
    /// The error split, without storing r^.
    ErrorSplit (*quantizeError)(const float* src, int64_t count, const QuantizeParams& params);
    /// Codes as int32 (with sign).
    void (*encode)(const float* src, int32_t* dst, int64_t count, const QuantizeParams& params);
    /// r^ from codes.
    void (*decode)(const int32_t* src, float* dst, int64_t count, const QuantizeParams& params);
    /// counts[i] += elements in bin i of `bins` equal bins over [low, high]; values outside go to the first
    /// or last bin, NaN is skipped. bin = min(bins - 1, int((x - low) * (bins / (high - low)))).
    void (*histogram)(const float* src, int64_t count, float low, float high, int bins, uint64_t* counts);
    /// The same passes over a run of groups (a row): element i belongs to group i / run.groupSize; `params`
    /// gives everything but its own `group`, `encode` and `encodeDiffers`.
    void (*fakeQuantizeGroups)(const float* src, float* dst, int64_t count, const GroupRun& run,
                               const QuantizeParams& params);
    /// Storing past the caches: for results larger than the last-level cache, where it saves reading what is
    /// overwritten.
    void (*fakeQuantizeGroupsStreaming)(const float* src, float* dst, int64_t count, const GroupRun& run,
                                        const QuantizeParams& params);
    ErrorSplit (*quantizeErrorGroups)(const float* src, int64_t count, const GroupRun& run,
                                      const QuantizeParams& params);
    /// Both in one pass: dst = r^ (past the caches if streaming) and the error split.
    ErrorSplit (*fakeQuantizeErrorGroups)(const float* src, float* dst, int64_t count, const GroupRun& run,
                                          const QuantizeParams& params, bool streaming);
    void (*encodeGroups)(const float* src, int32_t* dst, int64_t count, const GroupRun& run,
                         const QuantizeParams& params);
    /// Error split of each group, column sums, code counts and both histograms in one reading; NaN elements
    /// take part as 0. Parameters belong to groups also where groupSize is 1.
    void (*measureGroups)(const float* src, int64_t count, const GroupRun& run, const QuantizeParams& params,
                          const MeasureSinks& sinks);
    /// minima[g], maxima[g] of the numbers of group g (+inf, -inf when it has none); false when the run
    /// contains a NaN or an infinity.
    bool (*minMaxGroups)(const float* src, float* minima, float* maxima, int64_t count, int64_t groupSize);
    /// minima[i] = min(minima[i], src[i]), maxima likewise, for each column i; false as above.
    bool (*minMaxColumns)(const float* src, float* minima, float* maxima, int64_t count);
    /// Element type conversions to float.
    void (*fromF16)(const uint16_t* src, float* dst, int64_t count);
    void (*fromBf16)(const uint16_t* src, float* dst, int64_t count);
};

}  // namespace quantscope
