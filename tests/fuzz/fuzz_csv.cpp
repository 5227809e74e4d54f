// SPDX-License-Identifier: Apache-2.0
#include <cstdint>
#include <cstdlib>

#include "io/csv_reader.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const auto table = quantscope::parseCsv({reinterpret_cast<const char*>(data), size});
    if (table && static_cast<int64_t>(table->values.size()) != table->rows * table->cols) std::abort();
    if (!table && table.error().message.empty()) std::abort();
    return 0;
}
