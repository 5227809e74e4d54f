// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "app/labs/labs.h"
#include "base/result.h"

namespace quantscope {

/// JSON with a version: what labs share, then each lab's part and, of a session, its view; how it is run.
/// parseRequest(experimentJson(r)) == r.
std::string experimentJson(const LabRequest& request, const std::vector<Lab>& known = labs());

/// Errors name the field. Parts that the file does not have stay absent.
Result<LabRequest> parseRequest(std::string_view json, const std::vector<Lab>& known = labs());
/// The same without where a person looked.
Result<Experiment> parseExperiment(std::string_view json, const std::vector<Lab>& known = labs());

}  // namespace quantscope
