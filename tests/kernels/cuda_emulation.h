// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "cuda_host_machine.h"
#include "kernels/cuda/dot_tile.h"
#include "kernels/cuda/int4_rows.h"
#include "kernels/cuda/int8_tile.h"
#include "kernels/cuda/row_kernels.h"

/// The launches of kernels/cuda/launches.h on the CPU: the same bodies, block by block. They return what is
/// wrong with a kernel's use of its block (races, copies read too early, bank conflicts), else nothing.
namespace quantscope::test {

template <class Plan>
std::string emulateTile(const cuda::Int8Problem& problem, bool isSigned, bool backwards) {
    return runGrid(cuda::gridOf<Plan>(problem.rows, problem.columns), Plan::kThreads, Plan::kSharedBytes,
                   backwards, [&](HostMachine& machine) {
                       if (isSigned)
                           cuda::int8Tile<Plan, true>(machine, problem);
                       else
                           cuda::int8Tile<Plan, false>(machine, problem);
                   });
}

inline std::string emulateInt8(const cuda::Int8Problem& problem, bool isSigned, cuda::TileKind tile,
                               bool backwards = false) {
    switch (tile) {
        case cuda::TileKind::Large:
            return emulateTile<cuda::LargeTile>(problem, isSigned, backwards);
        case cuda::TileKind::Medium:
            return emulateTile<cuda::MediumTile>(problem, isSigned, backwards);
        case cuda::TileKind::Narrow:
            return emulateTile<cuda::NarrowTile>(problem, isSigned, backwards);
        case cuda::TileKind::Dot:
            break;
    }
    using Tile = cuda::DotTile;
    return runGrid(cuda::gridOf<Tile>(problem.rows, problem.columns), Tile::kThreads, Tile::kSharedBytes,
                   backwards, [&](HostMachine& machine) {
                       if (isSigned)
                           cuda::dotTile<true>(machine, problem);
                       else
                           cuda::dotTile<false>(machine, problem);
                   });
}

inline std::string emulateInt4(const cuda::Int4Problem& problem, bool backwards = false) {
    return runGrid(cuda::int4Grid(problem.rows, problem.columns), cuda::Int4Tile::kThreads, 0, backwards,
                   [&](HostMachine& machine) { cuda::int4Rows(machine, problem); });
}

inline std::string emulateQuantize(const cuda::QuantizeProblem& problem, bool backwards = false) {
    return runGrid({problem.rows, 1}, cuda::RowTile::kThreads, cuda::RowTile::kSharedBytes, backwards,
                   [&](HostMachine& machine) { cuda::quantizeRow(machine, problem); });
}

inline std::string emulateDequantize(const cuda::DequantizeProblem& problem, bool backwards = false) {
    return runGrid({problem.rows, 1}, cuda::RowTile::kThreads, 0, backwards,
                   [&](HostMachine& machine) { cuda::dequantizeRow(machine, problem); });
}

}  // namespace quantscope::test
