// SPDX-License-Identifier: Apache-2.0
#include "analysis/tensor/channel_report.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <numeric>

#include "base/parallel_for.h"
#include "tensor/statistics.h"

namespace quantscope {

namespace {

constexpr int64_t kMostPerChannel = 4096;
constexpr int64_t kFewestPerChannel = 256;
constexpr int64_t kSampledTogether = int64_t{1} << 23;

/// Elements a channel's percentiles are taken from: all up to 4,096, fewer when there are very many channels.
int64_t sampledPerChannel(int64_t channels, int64_t length) {
    const int64_t affordable = kSampledTogether / std::max<int64_t>(1, channels);
    return std::min(length, std::clamp(affordable, kFewestPerChannel, kMostPerChannel));
}

void resize(ChannelReport& report, int64_t channels) {
    for (auto* values : {&report.absMax, &report.mean, &report.standardDeviation, &report.kurtosis,
                         &report.p1, &report.p25, &report.median, &report.p75, &report.p99})
        values->assign(static_cast<size_t>(channels), 0);
}

/// Percentile of unsorted values by selection; reorders them.
float percentileOf(std::vector<float>& values, double percent) {
    const double position = percent / 100 * static_cast<double>(values.size() - 1);
    const auto index = static_cast<std::ptrdiff_t>(position);
    const auto at = values.begin() + index;
    std::nth_element(values.begin(), at, values.end());
    const auto low = static_cast<double>(*at);
    if (at + 1 == values.end()) return *at;
    const auto high = static_cast<double>(*std::min_element(at + 1, values.end()));
    return static_cast<float>(low + (high - low) * (position - static_cast<double>(index)));
}

void fillPercentiles(ChannelReport& report, int64_t channel, std::vector<float>& values) {
    std::erase_if(values, [](float value) { return !std::isfinite(value); });
    if (values.empty()) return;
    const auto c = static_cast<size_t>(channel);
    report.p1[c] = percentileOf(values, 1);
    report.p25[c] = percentileOf(values, 25);
    report.median[c] = percentileOf(values, 50);
    report.p75[c] = percentileOf(values, 75);
    report.p99[c] = percentileOf(values, 99);
}

void fillMoments(ChannelReport& report, int64_t channel, const Moments& moments) {
    const auto c = static_cast<size_t>(channel);
    report.absMax[c] = moments.absMax();
    report.mean[c] = static_cast<float>(moments.mean);
    report.standardDeviation[c] = static_cast<float>(moments.standardDeviation());
    report.kurtosis[c] = static_cast<float>(moments.kurtosis());
}

/// Element `i` of `wanted` evenly spread ones of `length`.
int64_t spread(int64_t i, int64_t wanted, int64_t length) {
    return wanted == length ? i : (2 * i + 1) * length / (2 * wanted);
}

void reportRow(ChannelReport& report, const MatrixView& matrix, int64_t row, int64_t sampled) {
    const float* const values = matrix.row(row);
    fillMoments(report, row, momentsOf(std::span<const float>(values, static_cast<size_t>(matrix.cols))));
    std::vector<float> some(static_cast<size_t>(sampled));
    for (int64_t i = 0; i < sampled; ++i)
        some[static_cast<size_t>(i)] = values[spread(i, sampled, matrix.cols)];
    fillPercentiles(report, row, some);
}

/// Columns are read in blocks, each copied to a consecutive run per column, so that memory is read row by
/// row.
void reportColumns(ChannelReport& report, const MatrixView& matrix, int64_t begin, int64_t end,
                   int64_t sampled) {
    constexpr int64_t kBlockRows = 512;
    const int64_t width = end - begin;
    std::vector<Moments> moments(static_cast<size_t>(width));
    std::vector<float> block(static_cast<size_t>(width * kBlockRows));
    for (int64_t row = 0; row < matrix.rows; row += kBlockRows) {
        const int64_t rows = std::min(kBlockRows, matrix.rows - row);
        for (int64_t i = 0; i < rows; ++i)
            for (int64_t j = 0; j < width; ++j)
                block[static_cast<size_t>(j * kBlockRows + i)] = matrix.row(row + i)[begin + j];
        for (int64_t j = 0; j < width; ++j)
            moments[static_cast<size_t>(j)].merge(
                momentsOf(std::span<const float>(block.data() + j * kBlockRows, static_cast<size_t>(rows))));
    }
    std::vector<float> some;
    for (int64_t j = 0; j < width; ++j) {
        fillMoments(report, begin + j, moments[static_cast<size_t>(j)]);
        some.resize(static_cast<size_t>(sampled));
        for (int64_t i = 0; i < sampled; ++i)
            some[static_cast<size_t>(i)] = matrix.at(spread(i, sampled, matrix.rows), begin + j);
        fillPercentiles(report, begin + j, some);
    }
}

}  // namespace

Result<ChannelReport> channelReport(const MatrixView& matrix, ChannelAxis axis, const Job& job) {
    const bool byRow = axis == ChannelAxis::Output;
    const int64_t channels = byRow ? matrix.rows : matrix.cols;
    const int64_t length = byRow ? matrix.cols : matrix.rows;
    ChannelReport report;
    report.axis = axis;
    if (channels > kMaxReportedChannels || length == 0) return report;
    resize(report, channels);
    const int64_t sampled = sampledPerChannel(channels, length);
    report.percentilesExact = sampled == length;
    const int64_t grain = byRow ? std::max<int64_t>(1, (int64_t{1} << 18) / length) : 16;
    std::atomic<int64_t> done = 0;
    std::atomic<bool> stopped = false;
    parallelFor(channels, grain, [&](int64_t begin, int64_t end) {
        if (stopped.load(std::memory_order_relaxed)) return;
        if (byRow)
            for (int64_t row = begin; row < end; ++row) reportRow(report, matrix, row, sampled);
        else
            reportColumns(report, matrix, begin, end, sampled);
        const int64_t now = done.fetch_add(end - begin) + end - begin;
        if (!job.proceed(static_cast<double>(now) / static_cast<double>(channels), "channels"))
            stopped = true;
    });
    if (stopped) return fail(ErrorKind::Cancelled, "stopped");
    std::vector<float> copy = report.absMax;
    if (!copy.empty()) report.medianAbsMax = static_cast<double>(percentileOf(copy, 50));
    return report;
}

std::vector<int64_t> rankChannels(std::span<const float> values) {
    std::vector<int64_t> order(values.size());
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
        const float left = values[static_cast<size_t>(a)];
        const float right = values[static_cast<size_t>(b)];
        return std::isnan(right) ? !std::isnan(left) : left > right;
    });
    return order;
}

std::vector<int64_t> outlierChannels(const ChannelReport& report, double factor, int64_t limit) {
    std::vector<int64_t> channels;
    for (const int64_t channel : rankChannels(report.absMax)) {
        const auto value = static_cast<double>(report.absMax[static_cast<size_t>(channel)]);
        if (static_cast<int64_t>(channels.size()) >= limit || !(value > 0) ||
            value < factor * report.medianAbsMax)
            break;
        channels.push_back(channel);
    }
    return channels;
}

PooledBars poolBars(std::span<const float> values, int64_t maxBars) {
    PooledBars bars;
    bars.channels = static_cast<int64_t>(values.size());
    bars.channelsPerBar = std::max<int64_t>(1, (bars.channels + maxBars - 1) / std::max<int64_t>(1, maxBars));
    for (int64_t begin = 0; begin < bars.channels; begin += bars.channelsPerBar) {
        const int64_t end = std::min(bars.channels, begin + bars.channelsPerBar);
        int64_t best = begin;
        for (int64_t i = begin + 1; i < end; ++i)
            if (values[static_cast<size_t>(i)] > values[static_cast<size_t>(best)]) best = i;
        bars.values.push_back(values[static_cast<size_t>(best)]);
        bars.channel.push_back(best);
    }
    return bars;
}

}  // namespace quantscope
