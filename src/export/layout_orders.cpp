// SPDX-License-Identifier: Apache-2.0
// The orders of codes inside a word, from the data alone.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "export/layout_evidence.h"
#include "export/layout_examination.h"

namespace quantscope {
namespace {

/// A margin a statistic of the data must show before it counts against the file.
constexpr double kClearRatio = 1.5;
constexpr double kClearCorrelation = 0.15;

}  // namespace

Status LayoutExamination::ordersAlongOutputs() {
    std::array<double, kNibbleOrders.size()> scatter{};
    for (size_t i = 0; i < kNibbleOrders.size(); ++i) {
        WordReading reading = m_report.reading;
        reading.codeOrder = kNibbleOrders[i].order;
        const auto value =
            meanOver(reading, [](const UniformWeight& weight) { return scaleScatter(weight); });
        if (!value) return fail(value.error());
        scatter[i] = *value;
    }
    const auto best = static_cast<size_t>(std::ranges::min_element(scatter) - scatter.begin());
    double second = 1e300;
    for (size_t i = 0; i < scatter.size(); ++i)
        if (i != best) second = std::min(second, scatter[i]);
    const std::string evidence = fmt::format(
        "log sizes of the groups scatter by {:.4f}, {:.4f}, {:.4f} when codes are read in AWQ's, running, "
        "reversed order beside their scales",
        scatter[1], scatter[0], scatter[2]);
    if (second < scatter[best] * 1.05) {
        m_report.findings.push_back({LayoutQuestion::CodeOrder, Verdict::Unknown,
                                     std::string(orderName(m_report.reading.codeOrder)), "unclear", evidence,
                                     ""});
        return {};
    }
    const NibbleOrder found = kNibbleOrders[best].order;
    add(LayoutQuestion::CodeOrder, std::string(orderName(m_report.reading.codeOrder)),
        std::string(orderName(found)), found == m_report.reading.codeOrder, evidence,
        "Reorder the nibbles of qweight to 0 2 4 6 1 3 5 7");
    m_report.reading.codeOrder = found;
    return {};
}

Result<double> LayoutExamination::chainCorrelation(const WordReading& reading, int64_t& pairs) {
    double sum = 0;
    pairs = 0;
    for (const PackedModule& down : m_modules) {
        constexpr std::string_view kDown = ".down_proj";
        if (!down.name.ends_with(kDown)) continue;
        const std::string upName = down.name.substr(0, down.name.size() - kDown.size()) + ".up_proj";
        const auto up = std::ranges::find(m_modules, upName, &PackedModule::name);
        if (up == m_modules.end()) continue;
        if (m_job.stopRequested()) return fail(ErrorKind::Cancelled, "stopped");
        const auto written = readPacked(m_file, *up, reading);
        const auto read = readPacked(m_file, down, reading);
        if (!written) return fail(written.error());
        if (!read) return fail(read.error());
        sum += logCorrelation(rowSizes(written->matrix()), columnSizes(read->matrix()));
        ++pairs;
    }
    return pairs > 0 ? sum / static_cast<double>(pairs) : 0.0;
}

Status LayoutExamination::ordersAlongInputs() {
    std::array<double, kNibbleOrders.size()> correlation{};
    int64_t pairs = 0;
    for (size_t i = 0; i < kNibbleOrders.size(); ++i) {
        WordReading reading = m_report.reading;
        reading.codeOrder = kNibbleOrders[i].order;
        const auto value = chainCorrelation(reading, pairs);
        if (!value) return fail(value.error());
        correlation[i] = *value;
    }
    const auto best = static_cast<size_t>(std::ranges::max_element(correlation) - correlation.begin());
    double second = -1;
    for (size_t i = 0; i < correlation.size(); ++i)
        if (i != best) second = std::max(second, correlation[i]);
    const std::string declared(orderName(m_report.reading.codeOrder));
    const std::string evidence = fmt::format(
        "sizes of what up_proj writes and down_proj reads correlate by {:.2f}, {:.2f}, {:.2f} in running, "
        "AWQ's, "
        "reversed order ({} blocks)",
        correlation[0], correlation[1], correlation[2], pairs);
    if (pairs == 0 || correlation[best] - second < kClearCorrelation) {
        m_report.findings.push_back(
            {LayoutQuestion::CodeOrder, Verdict::Unknown, declared, "unclear",
             pairs == 0
                 ? std::string("the order of inputs inside a word changes no statistic of one layer, and the "
                               "file has no up_proj beside a down_proj; a float reference would tell")
                 : evidence,
             ""});
        return {};
    }
    const NibbleOrder found = kNibbleOrders[best].order;
    add(LayoutQuestion::CodeOrder, declared, std::string(orderName(found)),
        found == m_report.reading.codeOrder, evidence, "Reorder the nibbles of qweight to 0 1 2 3 4 5 6 7");
    m_report.reading.codeOrder = found;
    return {};
}

Status LayoutExamination::zeroOrder() {
    if (m_symmetric) return {};  // all zero points are equal: any order reads them
    std::array<double, kNibbleOrders.size()> square{};
    for (size_t i = 0; i < kNibbleOrders.size(); ++i) {
        WordReading reading = m_report.reading;
        reading.zeroOrder = kNibbleOrders[i].order;
        const auto value =
            meanOver(reading, [](const UniformWeight& weight) { return zeroEvidence(weight).meanSquare; });
        if (!value) return fail(value.error());
        square[i] = *value;
    }
    const auto best = static_cast<size_t>(std::ranges::min_element(square) - square.begin());
    double second = 1e300;
    for (size_t i = 0; i < square.size(); ++i)
        if (i != best) second = std::min(second, square[i]);
    const std::string evidence = fmt::format(
        "squared distance of the codes' means from the zero points: {:.3f}, {:.3f}, {:.3f} steps in running, "
        "AWQ's, "
        "reversed order",
        square[0], square[1], square[2]);
    const std::string declared(orderName(m_report.reading.zeroOrder));
    if (second < kClearRatio * square[best]) {
        m_report.findings.push_back(
            {LayoutQuestion::ZeroOrder, Verdict::Unknown, declared, "unclear", evidence, ""});
        return {};
    }
    const NibbleOrder found = kNibbleOrders[best].order;
    add(LayoutQuestion::ZeroOrder, declared, std::string(orderName(found)),
        found == m_report.reading.zeroOrder, evidence,
        "Reorder the nibbles of qzeros as the layout has them");
    m_report.reading.zeroOrder = found;
    return {};
}

Status LayoutExamination::bytePairs() {
    const bool codebook = m_family == PackedFamily::Codebook;
    m_report.layout = codebook ? "bitsandbytes, 4 bits" : "compressed-tensors, FP4";
    std::array<double, 2> correlation{};
    int64_t pairs = 0;
    for (size_t i = 0; i < 2; ++i) {
        WordReading reading = m_report.reading;
        reading.swapped = i == 1;
        const auto value = chainCorrelation(reading, pairs);
        if (!value) return fail(value.error());
        correlation[i] = *value;
    }
    const auto says = [&](bool swapped) {
        return codebook != swapped ? "the first of two codes in the high nibble"
                                   : "the first of two codes in the low nibble";
    };
    const std::string evidence = fmt::format(
        "sizes of what up_proj writes and down_proj reads correlate by {:.2f} that way, {:.2f} the other "
        "way round ({} blocks)",
        correlation[0], correlation[1], pairs);
    const bool swapped = correlation[1] > correlation[0];
    if (pairs == 0 || std::abs(correlation[1] - correlation[0]) < kClearCorrelation) {
        m_report.findings.push_back(
            {LayoutQuestion::CodeOrder, Verdict::Unknown, says(false), "unclear", evidence, ""});
        return {};
    }
    m_report.reading.swapped = swapped;
    add(LayoutQuestion::CodeOrder, says(false), says(swapped), !swapped, evidence,
        "Swap the nibbles of every byte of the weights");
    return {};
}

}  // namespace quantscope
