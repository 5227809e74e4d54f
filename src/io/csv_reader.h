// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "io/checkpoint_table.h"

namespace quantscope {

/// A table of numbers.
struct CsvTable {
    std::vector<std::string> columns;  ///< from a header line; empty without one
    int64_t rows = 0;
    int64_t cols = 0;
    std::vector<float> values;  ///< row-major
};

constexpr uint64_t kMaxCsvBytes = 1ULL << 30U;

/// Numbers separated by commas, semicolons, tabs or blanks (the first of these that the first line has).
/// Empty lines and lines that start with '#' are skipped; a first line without any number is the header.
/// Malformed, naming line and column: a field that is no number, one outside float's range, lines of unequal
/// length.
Result<CsvTable> parseCsv(std::string_view text);

/// A checkpoint with one F32 tensor named after the file; unlike the others it is read at once, up to 1 GiB.
Result<std::shared_ptr<const Checkpoint>> openCsv(const std::shared_ptr<const MappedFile>& file);

}  // namespace quantscope
