// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/job.h"
#include "base/result.h"
#include "kernels/kernel_table.h"
#include "methods/interface/variant.h"
#include "model/forward/stage_times.h"
#include "model/model.h"

namespace quantscope {

/// A variant of a model, made once, that reads tokens as they come: keys and values of those before are kept,
/// so that one more token (decoding) costs one row of each product.
class ContextRunner {
 public:
    /// Room for `capacity` tokens. Static activation ranges come from the float model's run over `sample`;
    /// methods that need a calibration text are Unsupported. Errors: as evaluate()'s.
    static Result<ContextRunner> open(std::shared_ptr<const Model> model, const Variant& variant,
                                      int64_t capacity, std::span<const int32_t> sample,
                                      const KernelTable& kernels, const Job& job = {});
    ~ContextRunner();
    ContextRunner(ContextRunner&&) noexcept;
    ContextRunner& operator=(ContextRunner&&) noexcept;

    /// Reads the tokens after those read before. InvalidArgument: ids outside the vocabulary, no token, more
    /// tokens than there is room for.
    Status read(std::span<const int32_t> tokens);
    /// Logits [vocabulary] after the last token read (at least one). InvalidArgument where a head in integers
    /// is given values that are not finite.
    Result<std::vector<float>> logits();
    /// Forgets what was read.
    void clear();

    [[nodiscard]] int64_t length() const;
    [[nodiscard]] StageTimes times() const;

 private:
    struct Impl;
    explicit ContextRunner(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> m_impl;
};

}  // namespace quantscope
