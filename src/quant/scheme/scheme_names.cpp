// SPDX-License-Identifier: Apache-2.0
#include "quant/scheme/scheme_names.h"

#include <array>

namespace quantscope {

std::span<const ChoiceName<Mapping>> mappingNames() {
    static constexpr std::array kNames{
        ChoiceName<Mapping>{Mapping::Symmetric, "symmetric", "Symmetric", "r = S q: zero is always a level"},
        ChoiceName<Mapping>{Mapping::Affine, "affine", "Affine",
                            "r = S (q - Z): the range need not be centred on 0"}};
    return kNames;
}

std::span<const ChoiceName<SymmetricRange>> symmetricRangeNames() {
    using R = SymmetricRange;
    static constexpr std::array kNames{
        ChoiceName<R>{R::Narrow, "narrow", "Narrow (absmax / (2^(b-1) - 1))",
                      "S = absmax / (2^(b-1) - 1), codes -(2^(b-1)-1) .. 2^(b-1)-1 (AWQ, GGUF Q8_0, lecture "
                      "000)"},
        ChoiceName<R>{R::Full, "full", "Full (absmax / ((2^b - 1) / 2))",
                      "S = absmax / ((2^b - 1) / 2), all 2^b codes; +absmax clips (GPTQ, torchao)"},
        ChoiceName<R>{R::PowerOfTwo, "power-of-two", "absmax / 2^(b-1)",
                      "S = absmax / 2^(b-1), all 2^b codes; +absmax saturates (gamma of lecture 001)"},
        ChoiceName<R>{R::NoClip, "no-clip", "No clipping",
                      "S = max(min / -2^(b-1), max / (2^(b-1) - 1)) (torchao SYMMETRIC_NO_CLIPPING_ERR)"},
        ChoiceName<R>{R::SignedExtreme, "signed-extreme", "Signed extreme / -2^(b-1)",
                      "S = (value of largest magnitude) / -2^(b-1); S may be negative (GGUF Q4_0, Q5_0)"}};
    return kNames;
}

std::span<const ChoiceName<ZeroPointDomain>> zeroPointDomainNames() {
    using D = ZeroPointDomain;
    static constexpr std::array kNames{
        ChoiceName<D>{D::Integer, "integer-zero", "Integer zero point",
                      "Z is rounded to a code, so that 0 is exactly representable"},
        ChoiceName<D>{D::Float, "float-zero", "Float zero point",
                      "Z keeps its fraction (HQQ); always added "
                      "inside the rounding"},
        ChoiceName<D>{D::Minimum, "minimum", "Minimum",
                      "r = S q + m with m the value of code 0 (GGUF Q4_1, Q5_1)"}};
    return kNames;
}

std::span<const ChoiceName<Rounding>> roundingNames() {
    using R = Rounding;
    static constexpr std::array kNames{
        ChoiceName<R>{R::HalfEven, "half-even", "Nearest, ties to even",
                      "2.5 -> 2, 3.5 -> 4 (torch.round, NumPy, IEEE 754)"},
        ChoiceName<R>{R::HalfAway, "half-away", "Nearest, ties away from zero",
                      "2.5 -> 3, -2.5 -> -3 (C's roundf, GGUF Q8_0)"},
        ChoiceName<R>{R::HalfUp, "half-up", "Nearest, ties up",
                      "floor(x + 0.5): 2.5 -> 3, -2.5 -> -2 (GGUF Q4_0, Q4_1)"},
        ChoiceName<R>{R::Floor, "floor", "Down", "floor(x)"},
        ChoiceName<R>{R::Ceil, "ceil", "Up", "ceil(x)"},
        ChoiceName<R>{R::TowardZero, "toward-zero", "Toward zero", "truncation, C's cast to int"},
        ChoiceName<R>{
            R::Stochastic, "stochastic", "Stochastic",
            "up with probability x - floor(x): no bias on average; the seed fixes the choice of every "
            "element (Gupta et al. 2015)"}};
    return kNames;
}

std::span<const ChoiceName<Granularity>> granularityNames() {
    using G = Granularity;
    static constexpr std::array kNames{
        ChoiceName<G>{G::Tensor, "tensor", "Tensor", "one scale for all elements"},
        ChoiceName<G>{G::OutputChannel, "channel", "Output channel", "one scale a row of W [out x in]"},
        ChoiceName<G>{G::InputChannel, "input-channel", "Input channel",
                      "one scale a column of W [out x in]"},
        ChoiceName<G>{G::Group, "group", "Group",
                      "one scale for every g consecutive inputs of an output channel (GPTQ, AWQ, GGUF)"},
        ChoiceName<G>{G::Block, "block", "2-D block", "one scale a rectangle (DeepSeek's 128 x 128)"},
        ChoiceName<G>{G::Token, "token", "Token", "one scale a row of activations [tokens x in]"}};
    return kNames;
}

std::span<const ChoiceName<ScaleFormat>> scaleFormatNames() {
    using F = ScaleFormat;
    static constexpr std::array kNames{
        ChoiceName<F>{F::F32, "f32-scale", "float32", "32 bits a scale"},
        ChoiceName<F>{F::F16, "f16-scale", "float16",
                      "16 bits a scale, 10 bits of mantissa (GGUF, GPTQ, AWQ)"},
        ChoiceName<F>{F::BF16, "bf16-scale", "bfloat16", "16 bits a scale, 7 bits of mantissa"}};
    return kNames;
}

}  // namespace quantscope
