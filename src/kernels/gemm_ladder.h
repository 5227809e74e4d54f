// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/job.h"
#include "kernels/integer_gemm.h"

namespace quantscope {

/// The same integer product ever faster: what each step of the way to the best kernel is worth.
struct LadderRung {
    std::string name;         ///< "naive", "blocked", "packed", a table's name, a table's name + " all cores"
    std::string description;  ///< one sentence
};

/// One rung measured.
struct LadderTiming {
    LadderRung rung;
    double seconds = 0;  ///< best of the repeats
    double gops = 0;     ///< 2 m n k / seconds / 10^9
    bool exact = false;  ///< every sum equals the naive loop's
};

/// Random s8 operands, the same in every call with the same sizes.
struct LadderProblem {
    int64_t m = 0;
    int64_t n = 0;
    int64_t k = 0;
    std::vector<int8_t> x;  ///< [m x k]
    std::vector<int8_t> w;  ///< [n x k]
    PackedInt8Weights packed;

    static Result<LadderProblem> create(int64_t m, int64_t n, int64_t k);
};

/// Every rung this machine can run, slowest first.
std::vector<LadderRung> gemmLadder(const CpuFeatures& machine);
/// Y = X W^T by the rung of that name; one thread, unless the name says all cores. NotFound for other names.
Status runLadderRung(const std::string& name, const LadderProblem& problem, int32_t* y);
/// All rungs, best of `repeats` each. Cancelled when the job is stopped.
Result<std::vector<LadderTiming>> measureLadder(const CpuFeatures& machine, const LadderProblem& problem,
                                                int repeats, const Job& job);

}  // namespace quantscope
