// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "app/experiment/ordered_json.h"
#include "app/results/lab_results.h"
#include "base/result.h"

namespace quantscope {

/// What results say, for a person and for a program: the command line prints one or the other.
struct ResultSection {
    std::string id;                               ///< "tensor": the member of `run`'s object
    OrderedJson json;                             ///< as the part's own command prints it
    std::string heading;                          ///< one line above the table; may be empty
    std::vector<std::vector<std::string>> table;  ///< the first row is the header
    /// Why there is nothing, or what the first variant that failed says.
    std::optional<Error> error = {};
    std::vector<std::string> notes = {};  ///< what the run has to say beside its numbers
};

/// Of a part that failed as a whole.
ResultSection failedSection(const std::string& id, const Error& error);
/// The metric rows that all labs' results have.
ResultSection rowsSection(const std::string& id, const std::vector<MetricInfo>& metrics,
                          const LabResults& results);

}  // namespace quantscope
