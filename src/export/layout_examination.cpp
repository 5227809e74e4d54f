// SPDX-License-Identifier: Apache-2.0
#include "export/layout_examination.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "export/layout_evidence.h"
#include "export/packed_parts.h"
#include "io/json_input.h"
#include "io/metadata.h"

namespace quantscope {

std::string_view orderName(const NibbleOrder& order) {
    for (const NamedOrder& named : kNibbleOrders)
        if (named.order == order) return named.name;
    return "another order";
}

Result<double> LayoutExamination::meanOver(const WordReading& reading, const Statistic& statistic) {
    double sum = 0;
    for (const PackedModule& module : m_modules) {
        if (m_job.stopRequested()) return fail(ErrorKind::Cancelled, "stopped");
        const auto weight = readUniform(m_file, module, reading);
        if (!weight) return fail(weight.error());
        sum += statistic(*weight);
    }
    return sum / static_cast<double>(m_modules.size());
}

Result<LayoutReport> LayoutExamination::examine(int64_t total) {
    m_report.layers = total;
    m_report.examined = std::ssize(m_modules);
    m_declared = m_report.reading = declaredReading(m_file);
    m_family = m_modules.front().family;
    readConfig();
    if (m_family == PackedFamily::Words) {
        if (Status done = words(); !done) return fail(done.error());
    } else if (m_family == PackedFamily::Codebook || m_family == PackedFamily::Fp4) {
        if (Status done = bytePairs(); !done) return fail(done.error());
    } else if (Status done = uniform(); !done) {
        return fail(done.error());
    }
    if (Status done = compare(); !done) return fail(done.error());
    return std::move(m_report);
}

void LayoutExamination::readConfig() {
    const auto text = metadataString(m_file.metadata(), "config.json");
    auto config = text ? parseJson(*text) : Result<nlohmann::json>(nlohmann::json());
    if (!config || !config->is_object() || !config->contains("quantization_config")) return;
    const nlohmann::json& own = (*config)["quantization_config"];
    if (!own.is_object()) return;
    if (own.contains("quant_method") && own["quant_method"].is_string())
        m_method = own["quant_method"].get<std::string>();
    if (own.contains("checkpoint_format") && own["checkpoint_format"].is_string())
        m_version = own["checkpoint_format"].get<std::string>();
    if (own.contains("bits") && own["bits"].is_number_integer()) m_declaredBits = own["bits"].get<int64_t>();
}

Status LayoutExamination::packingAxis() {
    const PackedModule& first = m_modules.front();
    const auto shape = wordShape(m_file, first);
    if (!shape) return fail(shape.error());
    m_alongInputs = shape->alongInputs;
    const auto axis = [](bool inputs) { return inputs ? "along the inputs" : "along the outputs"; };
    const std::string evidence =
        fmt::format("{}: qweight is {}, scales are {} groups x {} outputs", first.name,
                    describe(findPart(m_file, first, "qweight")->shape), shape->groups, shape->out);
    const bool known = m_method == "gptq" || m_method == "awq";
    const bool declared = m_method != "awq";
    add(LayoutQuestion::PackingAxis,
        known ? fmt::format("{} ({})", axis(declared), m_method) : std::string("not said"),
        axis(m_alongInputs), !known || declared == m_alongInputs, evidence,
        fmt::format("Set quant_method to \"{}\"", m_alongInputs ? "gptq" : "awq"));
    add(LayoutQuestion::Width,
        m_declaredBits > 0 ? fmt::format("{} bits", m_declaredBits) : std::string("not said"),
        fmt::format("{} bits", shape->bits), m_declaredBits == 0 || m_declaredBits == shape->bits,
        fmt::format("qzeros are {}", describe(findPart(m_file, first, "qzeros")->shape)),
        fmt::format("Set bits to {}", shape->bits));
    if (known && declared != m_alongInputs) {
        // The axis says which family it is; what the configuration said of the rest means nothing.
        const NibbleOrder order = m_alongInputs ? kRunningOrder : kAwqOrder;
        m_report.reading = {order, order, m_alongInputs ? 1 : 0, false};
    }
    m_report.layout = fmt::format("{}, {} bits, groups of {}", m_alongInputs ? "GPTQ" : "AWQ", shape->bits,
                                  shape->in / shape->groups);
    return {};
}

Status LayoutExamination::zeroPoint() {
    WordReading stored = m_report.reading;
    stored.zeroOffset = 0;
    bool symmetric = true;
    const auto distance = meanOver(stored, [&](const UniformWeight& weight) {
        const auto first = weight.zeros.front();
        symmetric =
            symmetric && std::ranges::all_of(weight.zeros, [&](int32_t zero) { return zero == first; });
        return zeroEvidence(weight).mean;
    });
    if (!distance) return fail(distance.error());
    m_symmetric = symmetric;
    const double off = *distance;
    const int found = static_cast<int>(std::lround(off));
    const int declared = m_report.reading.zeroOffset;
    const auto says = [](int offset) {
        if (offset == 0) return std::string("stored as they are (version 2)");
        if (offset == 1) return std::string("stored less 1 (version 1)");
        return fmt::format("stored {:+d}", -offset);
    };
    const std::string evidence = fmt::format(
        "codes lie {:+.3f} steps from the stored zero points on average; weights lie around 0", off);
    if (std::abs(off - found) > 0.3) {
        m_report.findings.push_back({LayoutQuestion::ZeroPoint, Verdict::Unknown, says(declared), "unclear",
                                     evidence + ", but these lie between", ""});
        return {};
    }
    m_report.reading.zeroOffset = found;
    add(LayoutQuestion::ZeroPoint, says(declared), says(found), found == declared, evidence,
        m_alongInputs ? fmt::format("Set checkpoint_format to \"{}\"", found == 0 ? "gptq_v2" : "gptq")
                      : std::string("Pack the zero points again"));
    return {};
}

Status LayoutExamination::words() {
    if (Status done = packingAxis(); !done) return done;
    const auto shape = wordShape(m_file, m_modules.front());
    if (!shape) return fail(shape.error());
    // Orders first where zero points belong to columns: a wrong one does not move the mean.
    if (Status done = zeroPoint(); !done) return done;
    if (shape->bits != 4) return {};
    if (Status done = m_alongInputs ? ordersAlongInputs() : ordersAlongOutputs(); !done) return done;
    return zeroOrder();
}

Status LayoutExamination::uniform() {
    m_report.layout = m_family == PackedFamily::Int8 ? "bitsandbytes, int8" : "compressed-tensors";
    const auto first = readUniform(m_file, m_modules.front(), m_report.reading);
    if (!first) return first.error().kind == ErrorKind::Unsupported ? Status() : fail(first.error());
    m_report.layout += fmt::format(", {} bits, groups of {}", first->bits, first->groupSize);
    const auto distance =
        meanOver(m_report.reading, [](const UniformWeight& weight) { return zeroEvidence(weight).mean; });
    if (!distance) return fail(distance.error());
    const int found = static_cast<int>(std::lround(*distance));
    const std::string evidence = fmt::format(
        "codes lie {:+.3f} steps from the zero points on average; weights lie around 0", *distance);
    add(LayoutQuestion::ZeroPoint, "as the layout has them",
        found == 0 ? "as the layout has them" : fmt::format("off by {:+d}", found), found == 0, evidence,
        "Pack the codes again with their offset of 2^(bits-1)");
    return {};
}

}  // namespace quantscope
