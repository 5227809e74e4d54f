// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "analysis/product/product.h"
#include "analysis/product/product_costs.h"
#include "analysis/product/product_trace.h"
#include "app/results/lab_results.h"
#include "model/model.h"
#include "tensor/tensor.h"

namespace quantscope {

/// One variant of the Matmul lab. A variant that failed has an error and no product.
struct ProductVariantResult {
    Variant variant;
    std::string title;
    std::optional<Error> error;
    std::shared_ptr<const QuantizedProduct> product;
    Tensor x;  ///< F32 as this variant multiplies it: in the basis of its method
    Tensor w;
    std::shared_ptr<const RequantizedProduct> requantized;  ///< null where the result has no such form
    std::optional<Error> notRequantized;                    ///< and why
};

/// Everything the Matmul lab shows, immutable. Incomplete while costs are still being measured.
struct MatmulResults : LabResults {
    std::string xTitle;  ///< "input of blk.3.ffn_down"
    std::string wTitle;
    Tensor x;             ///< F32 [rows x K], what is multiplied
    Tensor w;             ///< F32 [channels x K]
    int64_t allRows = 0;  ///< before the matrices were cut to a size that a lab can follow
    int64_t allChannels = 0;
    std::vector<ProductVariantResult> variants;
    int variant = 0;                            ///< index of the one the lab steps through
    std::shared_ptr<const ProductTrace> trace;  ///< of the cell in the request, clamped to the product
    std::shared_ptr<const ProductCosts> costs;  ///< when the request asks for them
    std::optional<Error> costsError;
    std::vector<LinearInfo> layers;  ///< of the experiment's model: what else could be multiplied
};

/// Fills what all labs' results share (title, rows, summary) from what this lab computed.
void summarize(MatmulResults& results);

}  // namespace quantscope
