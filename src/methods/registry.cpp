// SPDX-License-Identifier: Apache-2.0
#include "methods/registry.h"

#include <fmt/format.h>

#include <array>
#include <string>

#include "methods/adaround.h"
#include "methods/aqlm.h"
#include "methods/awq.h"
#include "methods/block_codebook.h"
#include "methods/fp8.h"
#include "methods/gguf_blocks.h"
#include "methods/gptq.h"
#include "methods/hqq.h"
#include "methods/kmeans.h"
#include "methods/llm_int8.h"
#include "methods/microscaling.h"
#include "methods/nvfp4.h"
#include "methods/product_quantization.h"
#include "methods/pruning.h"
#include "methods/quip_sharp.h"
#include "methods/rotation.h"
#include "methods/rtn.h"
#include "methods/salient.h"
#include "methods/smoothquant.h"
#include "methods/weighted_range.h"

namespace quantscope {

std::span<const Method* const> allMethods() {
    static const RoundToNearest roundToNearest;
    static const WeightedRange weightedRange;
    static const Gptq gptq;
    static const Awq awq;
    static const Hqq hqq;
    static const SmoothQuant smoothQuant;
    static const LlmInt8 llmInt8;
    static const BlockCodebook nf4(CodebookLevels::Nf4);
    static const BlockCodebook fp4(CodebookLevels::Fp4);
    static const Fp8 fp8;
    static const Microscaling mxfp8(Microscaling::Element::Fp8);
    static const Microscaling mxfp6(Microscaling::Element::Fp6);
    static const Microscaling mxfp4(Microscaling::Element::Fp4);
    static const Nvfp4 nvfp4;
    static const KMeans kMeans;
    static const KeepSalient keepSalient;
    static const HadamardRotation hadamardRotation;
    static const Pruning magnitude(Pruning::Rule::Magnitude);
    static const Pruning wanda(Pruning::Rule::Wanda);
    static const Pruning sparseGpt(Pruning::Rule::SparseGpt);
    static const GgufBlocks q6k(DType::Q6_K);
    static const GgufBlocks q5k(DType::Q5_K);
    static const GgufBlocks q4k(DType::Q4_K);
    static const GgufBlocks q3k(DType::Q3_K);
    static const GgufBlocks q2k(DType::Q2_K);
    static const GgufBlocks iq4nl(DType::IQ4_NL);
    static const AdaRound adaRound;
    static const ProductQuantization productQuantization;
    static const QuipSharp quipSharp;
    static const Aqlm aqlm;
    static const auto methods = std::to_array<const Method*>({&roundToNearest,
                                                              &weightedRange,
                                                              &gptq,
                                                              &awq,
                                                              &adaRound,
                                                              &hqq,
                                                              &smoothQuant,
                                                              &llmInt8,
                                                              &nf4,
                                                              &fp4,
                                                              &fp8,
                                                              &mxfp8,
                                                              &mxfp6,
                                                              &mxfp4,
                                                              &nvfp4,
                                                              &q6k,
                                                              &q5k,
                                                              &q4k,
                                                              &q3k,
                                                              &q2k,
                                                              &iq4nl,
                                                              &quipSharp,
                                                              &aqlm,
                                                              &kMeans,
                                                              &productQuantization,
                                                              &keepSalient,
                                                              &hadamardRotation,
                                                              &magnitude,
                                                              &wanda,
                                                              &sparseGpt});
    return methods;
}

Result<const Method*> methodNamed(std::string_view name) {
    std::string names;
    for (const Method* method : allMethods()) {
        if (method->info().name == name) return method;
        names += (names.empty() ? "" : ", ") + method->info().name;
    }
    return fail(ErrorKind::InvalidArgument, fmt::format("there is no method '{}'", name), "method",
                "accepted: " + names);
}

}  // namespace quantscope
