// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/job.h"
#include "export/layout_doctor.h"

namespace quantscope {

inline constexpr NibbleOrder kReversedOrder = {7, 6, 5, 4, 3, 2, 1, 0};

struct NamedOrder {
    std::string_view name;
    NibbleOrder order;
};
/// The orders that occur.
inline constexpr std::array<NamedOrder, 3> kNibbleOrders = {
    {{"running order, lowest nibble first", kRunningOrder},
     {"AWQ's order 0 2 4 6 1 3 5 7", kAwqOrder},
     {"running order, highest nibble first", kReversedOrder}}};

std::string_view orderName(const NibbleOrder& order);

/// One examination on its way: what examineLayout() asks, one question a function.
class LayoutExamination {
 public:
    LayoutExamination(const Checkpoint& file, const Checkpoint* reference, std::vector<PackedModule> modules,
                      const Job& job)
        : m_file(file), m_reference(reference), m_modules(std::move(modules)), m_job(job) {}

    Result<LayoutReport> examine(int64_t total);

 private:
    Status words();
    Status bytePairs();
    Status uniform();
    Status compare();
    void readConfig();
    Status packingAxis();
    Status zeroPoint();
    Status ordersAlongOutputs();
    Status ordersAlongInputs();
    Status zeroOrder();

    using Statistic = std::function<double(const UniformWeight&)>;
    /// Mean over the layers of a statistic of the layer read this way.
    Result<double> meanOver(const WordReading& reading, const Statistic& statistic);
    /// Mean over the blocks of the correlation between what ffn_up writes and ffn_down reads; 0 when a file
    /// has no such pair.
    Result<double> chainCorrelation(const WordReading& reading, int64_t& pairs);
    Result<double> errorAgainstReference(const WordReading& reading);
    void add(LayoutQuestion question, std::string declared, std::string found, bool agrees,
             std::string evidence, std::string fix) {
        m_report.findings.push_back({question, agrees ? Verdict::Agrees : Verdict::Contradicts,
                                     std::move(declared), std::move(found), std::move(evidence),
                                     agrees ? std::string() : std::move(fix)});
    }

    const Checkpoint& m_file;
    const Checkpoint* m_reference;
    std::vector<PackedModule> m_modules;
    const Job& m_job;
    LayoutReport m_report;
    WordReading m_declared;
    PackedFamily m_family = PackedFamily::Words;
    std::string m_method;
    std::string m_version;
    int64_t m_declaredBits = 0;
    bool m_symmetric = false;
    bool m_alongInputs = true;
};

}  // namespace quantscope
