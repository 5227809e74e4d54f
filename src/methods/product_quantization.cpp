// SPDX-License-Identifier: Apache-2.0
#include "methods/product_quantization.h"

#include <cmath>

#include "methods/interface/options.h"
#include "methods/parts/product_code.h"
#include "methods/parts/stored_values.h"

namespace quantscope {

const MethodInfo& ProductQuantization::info() const {
    static const MethodInfo kInfo = [] {
        MethodInfo info;
        info.name = "pq";
        info.label = "Product quantization";
        info.noCodes = "a code stands for several neighbouring weights: none is one weight's";
        info.source = "Jegou et al., TPAMI 2011; Stock et al., ICLR 2020";
        info.help =
            "subvectors of a row become the nearest of 2^b prototypes; products become sums of table entries";
        info.kind = MethodKind::Learned;
        info.usesScheme = false;
        info.minimumBits = 1;
        info.maximumBits = 4;
        info.scheme.bits = 2;
        info.parameters = {
            integerParameter("dim", "Subvector", "inputs that share an index", 1, 64, "4"),
            integerParameter("bits", "Bits", "of an index: 2^b prototypes", 1, 12, "8"),
            choiceParameter(
                "books", "Prototypes", "whose they are",
                {{"shared", "One set a layer", ""}, {"each", "One set a subspace", "lecture 004"}}, "shared"),
            integerParameter("seed", "Seed", "of the k-means start", 0, 1'000'000'000, "0")};
        return info;
    }();
    return kInfo;
}

double ProductQuantization::storedBytes(const Recipe& recipe, int64_t rows, int64_t cols) const {
    const MethodOptions options(info(), recipe);
    const int64_t dim = options.integer("dim");
    const int64_t spaces = (cols + dim - 1) / dim;
    const int64_t books = options.text("books") == "shared" ? 1 : spaces;
    const auto prototypes = static_cast<double>((books * dim) << options.integer("bits"));
    return std::ceil(static_cast<double>(rows * spaces * options.integer("bits")) / 8) + 2 * prototypes;
}

Result<LayerResult> ProductQuantization::quantize(const LayerInput& input, const Recipe& recipe,
                                                  const Job& job) const {
    const MethodOptions options(info(), recipe);
    const MatrixView w = input.weight.matrix();
    const ProductCode code = productQuantize(w, options.integer("dim"), int64_t{1} << options.integer("bits"),
                                             options.text("books") == "shared",
                                             static_cast<uint64_t>(options.integer("seed")), job);
    if (job.stopRequested()) return fail(ErrorKind::Cancelled, "product quantization was stopped");
    return valuesResult(input.weight.shape(), decode(code), storedBytes(recipe, w.rows, w.cols));
}

}  // namespace quantscope
