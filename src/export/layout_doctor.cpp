// SPDX-License-Identifier: Apache-2.0
#include "export/layout_doctor.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <span>

#include "export/layout_evidence.h"
#include "export/layout_examination.h"
#include "export/packed_parts.h"
#include "quant/passes/to_float.h"

namespace quantscope {

Result<double> LayoutExamination::errorAgainstReference(const WordReading& reading) {
    double sum = 0;
    int64_t count = 0;
    for (const PackedModule& module : m_modules) {
        if (m_job.stopRequested()) return fail(ErrorKind::Cancelled, "stopped");
        const auto stored = m_reference->load(partName(module, "weight"));
        if (!stored) return fail(inFile(stored.error(), m_reference->path().string()));
        const auto wanted = toFloat32(*stored);
        const auto weight = readPacked(m_file, module, reading);
        if (!wanted) return fail(wanted.error());
        if (!weight) return fail(weight.error());
        if (wanted->shape() != weight->shape())
            return fail(Error{ErrorKind::InvalidArgument,
                              fmt::format("the reference is {}, the packed layer {}",
                                          describe(wanted->shape()), describe(weight->shape())),
                              m_reference->path().string(), partName(module, "weight"),
                              "Give the float model this file was made from"});
        sum += relativeError(weight->matrix(), wanted->matrix());
        ++count;
    }
    return sum / static_cast<double>(std::max<int64_t>(1, count));
}

/// With a reference, every reading is tried, and the smallest error overrules the statistics.
Status LayoutExamination::compare() {
    if (m_reference == nullptr) return {};
    std::vector<WordReading> readings = {m_report.reading, m_declared};
    if (m_family == PackedFamily::Words)
        for (const NamedOrder& codes : kNibbleOrders)
            for (const NamedOrder& zeros : kNibbleOrders)
                for (const int offset : {-1, 0, 1})
                    readings.push_back({codes.order, zeros.order, offset, false});
    if (m_family == PackedFamily::Codebook || m_family == PackedFamily::Fp4)
        for (const bool swapped : {false, true}) readings.push_back({{}, {}, 0, swapped});
    std::optional<double> best;
    const auto all = m_modules;
    m_modules.resize(1);  // one layer tells the readings apart
    for (const WordReading& reading : readings) {
        const auto error = errorAgainstReference(reading);
        if (!error) return fail(error.error());
        if (best && *error >= *best) continue;
        best = *error;
        m_report.reading = reading;
    }
    m_modules = all;
    const auto error = errorAgainstReference(m_report.reading);
    const auto declared = errorAgainstReference(m_declared);
    if (!error) return fail(error.error());
    if (!declared) return fail(declared.error());
    m_report.compared = true;
    m_report.relativeError = *error;
    m_report.declaredError = *declared;
    const auto settle = [&](LayoutQuestion question, const std::string& found, bool agrees) {
        for (LayoutFinding& finding : m_report.findings) {
            if (finding.question != question) continue;
            finding.evidence +=
                fmt::format("; against the reference the error is {:.3g} this way, {:.3g} as declared",
                            *error, *declared);
            finding.found = found;
            finding.verdict = agrees ? Verdict::Agrees : Verdict::Contradicts;
            if (agrees) finding.fix.clear();
        }
    };
    if (m_family != PackedFamily::Words) return {};
    settle(LayoutQuestion::CodeOrder, std::string(orderName(m_report.reading.codeOrder)),
           m_report.reading.codeOrder == m_declared.codeOrder);
    if (!m_symmetric)
        settle(LayoutQuestion::ZeroOrder, std::string(orderName(m_report.reading.zeroOrder)),
               m_report.reading.zeroOrder == m_declared.zeroOrder);
    return {};
}

namespace {

/// The block that a module's name tells; -1: outside the blocks.
int64_t blockOf(const PackedModule& module) {
    const size_t layer = module.name.find(".layers.");
    return layer == std::string::npos ? -1 : std::atol(module.name.c_str() + layer + 8);
}

/// Whole blocks, evenly from first to last, of modules sorted by block.
std::vector<PackedModule> chosenModules(std::vector<PackedModule> modules, int64_t most) {
    std::vector<std::span<const PackedModule>> blocks;
    int64_t largest = 1;
    for (size_t begin = 0; begin < modules.size();) {
        size_t end = begin;
        while (end < modules.size() && blockOf(modules[end]) == blockOf(modules[begin])) ++end;
        blocks.emplace_back(modules.data() + begin, end - begin);
        largest = std::max(largest, static_cast<int64_t>(end - begin));
        begin = end;
    }
    const int64_t total = std::ssize(blocks);
    const int64_t wanted = std::max<int64_t>(1, most / largest);
    if (total <= wanted) return modules;
    std::vector<PackedModule> chosen;
    for (int64_t i = 0; i < wanted; ++i) {
        const auto& block = blocks[static_cast<size_t>(i * total / wanted)];
        chosen.insert(chosen.end(), block.begin(), block.end());
    }
    return chosen;
}

}  // namespace

bool LayoutReport::healthy() const {
    return std::ranges::none_of(findings,
                                [](const LayoutFinding& f) { return f.verdict == Verdict::Contradicts; });
}

std::string_view questionName(LayoutQuestion question) {
    switch (question) {
        case LayoutQuestion::PackingAxis:
            return "packing axis";
        case LayoutQuestion::Width:
            return "width of a code";
        case LayoutQuestion::ZeroPoint:
            return "zero points";
        case LayoutQuestion::CodeOrder:
            return "order of codes in a word";
        case LayoutQuestion::ZeroOrder:
            break;
    }
    return "order of zero points in a word";
}

Result<LayoutReport> examineLayout(const std::shared_ptr<const Checkpoint>& checkpoint,
                                   const std::shared_ptr<const Checkpoint>& reference, int64_t maxLayers,
                                   const Job& job) {
    std::vector<PackedModule> modules = packedModules(*checkpoint);
    if (modules.empty())
        return fail(Error{ErrorKind::Unsupported,
                          "nothing in it is packed as GPTQ, AWQ, compressed-tensors or "
                          "bitsandbytes do",
                          checkpoint->path().string(),
                          {},
                          "Open a quantized Hugging Face folder or its safetensors file"});
    const int64_t total = std::ssize(modules);
    // Shards list tensors by name: the parts of a block stay together.
    std::ranges::stable_sort(modules, {}, blockOf);
    return LayoutExamination(*checkpoint, reference.get(), chosenModules(std::move(modules), maxLayers), job)
        .examine(total);
}

}  // namespace quantscope
