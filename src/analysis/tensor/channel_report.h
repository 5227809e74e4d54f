// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/job.h"
#include "base/result.h"
#include "tensor/tensor.h"

namespace quantscope {

/// Output channels are the rows of a weight [out x in], input channels its columns. For activations
/// [tokens x in] the rows are tokens.
enum class ChannelAxis : uint8_t { Output, Input };

/// A matrix with more channels than this gets an empty report.
constexpr int64_t kMaxReportedChannels = int64_t{1} << 20;

/// One number a channel and statistic; the vectors have equal lengths.
struct ChannelReport {
    ChannelAxis axis = ChannelAxis::Input;
    std::vector<float> absMax;
    std::vector<float> mean;
    std::vector<float> standardDeviation;
    std::vector<float> kurtosis;  ///< Pearson: normal = 3
    std::vector<float> p1, p25, median, p75, p99;
    bool percentilesExact = true;  ///< false: from evenly spread elements of each channel, 256 to 4,096
    double medianAbsMax = 0;       ///< over channels: what "ch 678: 2377 (median 0.9)" compares with

    [[nodiscard]] int64_t channels() const { return static_cast<int64_t>(absMax.size()); }
};

/// Of the finite elements. Error: Cancelled.
Result<ChannelReport> channelReport(const MatrixView& matrix, ChannelAxis axis, const Job& job);

/// Channel indices by decreasing value; NaN last, ties by index.
std::vector<int64_t> rankChannels(std::span<const float> values);

/// Channels with absMax >= factor * medianAbsMax, by decreasing absMax, at most `limit`.
std::vector<int64_t> outlierChannels(const ChannelReport& report, double factor, int64_t limit);

constexpr int64_t kMaxBars = 4096;

/// At most kMaxBars bars from any number of channels: each bar is the channel of largest value among
/// `channelsPerBar` neighbours, so that no outlier disappears.
struct PooledBars {
    int64_t channels = 0;
    int64_t channelsPerBar = 1;
    std::vector<float> values;
    std::vector<int64_t> channel;  ///< where the value is
};
PooledBars poolBars(std::span<const float> values, int64_t maxBars = kMaxBars);

}  // namespace quantscope
