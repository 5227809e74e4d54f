// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/job.h"
#include "base/result.h"
#include "export/packed_reader.h"
#include "io/checkpoint.h"
#include "model/model.h"

namespace quantscope {

/// What a file can be wrong about.
enum class LayoutQuestion : uint8_t { PackingAxis, Width, ZeroPoint, CodeOrder, ZeroOrder };

enum class Verdict : uint8_t {
    Agrees,       ///< the data are as the file says
    Contradicts,  ///< they are not: `found` is what they are
    Unknown       ///< the data do not tell
};

/// One question, answered from the data of all layers examined.
struct LayoutFinding {
    LayoutQuestion question = LayoutQuestion::PackingAxis;
    Verdict verdict = Verdict::Unknown;
    std::string declared;  ///< what config.json (or the layout's convention) says
    std::string found;     ///< what the data say
    std::string evidence;  ///< the numbers that say so
    std::string fix;       ///< for Contradicts: what to change
};

struct LayoutReport {
    std::string layout;  ///< "GPTQ, 4 bits, groups of 64"
    int64_t layers = 0;  ///< packed layers in the file
    int64_t examined = 0;
    std::vector<LayoutFinding> findings;
    WordReading reading;    ///< the reading the data ask for
    bool compared = false;  ///< with a float reference
    double relativeError =
        0;  ///< of `reading`, mean of ||w - w_ref||^2 / ||w_ref||^2 over the layers compared
    double declaredError = 0;  ///< of the declared reading

    [[nodiscard]] bool healthy() const;
};

/// The name of a question on screen.
std::string_view questionName(LayoutQuestion question);

/// Reads packed layers under every hypothesis (zero points as stored or one off, the orders of nibbles) and
/// says which one the data support. `reference` (may be null) is the float model, the same layers by name;
/// with it the smallest error decides. Examines at most `maxLayers` layers, whole blocks first to last.
/// Unsupported: nothing in the file is packed. Malformed: parts that contradict each other.
Result<LayoutReport> examineLayout(const std::shared_ptr<const Checkpoint>& checkpoint,
                                   const std::shared_ptr<const Checkpoint>& reference, int64_t maxLayers = 42,
                                   const Job& job = {});

}  // namespace quantscope
