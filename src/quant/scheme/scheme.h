// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "quant/scheme/parameter.h"

namespace quantscope {

/// How real values map to codes. Symmetric: r = S q. Affine: r = S (q - Z).
enum class Mapping : uint8_t { Symmetric, Affine };

/// Which value of a symmetric range lands on which code, b bits:
/// Narrow: S = absmax / (2^(b-1) - 1), codes -(2^(b-1)-1) .. 2^(b-1)-1 (AWQ, Q8_0, lecture 000);
/// Full: S = absmax / ((2^b - 1) / 2), codes -2^(b-1) .. 2^(b-1)-1 (GPTQ, torchao: +absmax clips);
/// PowerOfTwo: S = absmax / 2^(b-1) (lecture 001's gamma: the largest positive value saturates);
/// NoClip: S = max(min / -2^(b-1), max / (2^(b-1) - 1)) (torchao SYMMETRIC_NO_CLIPPING_ERR);
/// SignedExtreme: S = (value of largest magnitude) / -2^(b-1), S may be negative (GGUF Q4_0, Q5_0).
/// Affine mappings use all 2^b codes and ignore this.
enum class SymmetricRange : uint8_t { Narrow, Full, PowerOfTwo, NoClip, SignedExtreme };

/// Integer: Z rounded to a code (the usual). Float: Z keeps its fraction (HQQ). Minimum: no Z; the group
/// stores the value m of code 0 and r = S q + m (GGUF Q4_1, Q5_1, MLX).
enum class ZeroPointDomain : uint8_t { Integer, Float, Minimum };

enum class RangeEstimator : uint8_t { MinMax, Percentile, Mse, Kl, MovingAverage, Manual };

enum class Rounding : uint8_t { HalfEven, HalfAway, HalfUp, Floor, Ceil, TowardZero, Stochastic };

enum class Granularity : uint8_t { Tensor, OutputChannel, InputChannel, Group, Block, Token };

/// How a scale (and a float zero point or minimum) is stored, and therefore rounded before it is used.
enum class ScaleFormat : uint8_t { F32, F16, BF16 };

/// Everything that decides the codes of a tensor: independent choices over a grid of levels. A value:
/// compares, hashes, prints and parses; serves as cache key, undo state, session entry and test row.
struct Scheme {
    std::string format =
        "int";     ///< a name of the number format table: "float", "int" (later formats add lines there)
    int bits = 8;  ///< 2..8 and 16 for "int"; 32 for "float"
    bool isSigned = true;  ///< codes -2^(b-1).. or 0..2^b-1
    Mapping mapping = Mapping::Symmetric;
    SymmetricRange symmetricRange = SymmetricRange::Narrow;
    bool rangeIncludesZero =
        true;  ///< extend [min, max] to contain 0 before S and Z are computed (affine only)
    ZeroPointDomain zeroPointDomain = ZeroPointDomain::Integer;
    bool zeroPointInside = false;    ///< round(r/S + Z) instead of round(r/S) + Z
    bool multiplyByInverse = false;  ///< r * (1/S) instead of r / S; differs in the last bit
    RangeEstimator estimator = RangeEstimator::MinMax;
    double percentileLow = 0.01;    ///< in percent, Percentile only
    double percentileHigh = 99.99;  ///< in percent, Percentile only
    double momentum = 0.9;          ///< MovingAverage only: new = momentum * old + (1 - momentum) * chunk
    double manualLow = -1;          ///< Manual only
    double manualHigh = 1;          ///< Manual only
    Rounding rounding = Rounding::HalfEven;
    uint64_t seed = 0;  ///< Stochastic only
    Granularity granularity = Granularity::OutputChannel;
    int64_t groupSize = 128;  ///< Group only: elements along the inputs; the last group may be shorter
    int64_t blockRows = 128;  ///< Block only
    int64_t blockCols = 128;  ///< Block only
    ScaleFormat scaleFormat = ScaleFormat::F32;
    bool encodeUnrounded =
        false;  ///< codes are computed with the scale (and minimum) before its rounding to scaleFormat (GGUF)

    bool operator==(const Scheme&) const = default;
    [[nodiscard]] bool isFloat() const { return format == "float"; }
    [[nodiscard]] size_t hash() const;
};

/// The float reference.
Scheme floatScheme();

/// Text form: parts separated by '/', defaults omitted: "float", "int8", "int4/affine/group=64",
/// "uint8/affine/percentile=10,90", "int4/symmetric/full/channel/half-away", "preset=q4_0". Order of the
/// parts after the first is free. parse(text(s)) == s for every valid scheme.
std::string schemeText(const Scheme& scheme);
/// InvalidArgument names the part and lists what is accepted.
Result<Scheme> parseScheme(std::string_view text);

/// The same relative to another scheme than the default one: the format and what differs from `base`, whose
/// own parts stand where the text says nothing. parseScheme(schemeText(s, base), base) == s if base uses the
/// min-max range and no stochastic rounding.
std::string schemeText(const Scheme& scheme, const Scheme& base);
Result<Scheme> parseScheme(std::string_view text, const Scheme& base);

/// Checks ranges and combinations (bits 2..8 or 16, percentile low < high, group size >= 1, ...).
Status validate(const Scheme& scheme);

/// Names a person recognizes: "int4 affine, group 64".
std::string schemeTitle(const Scheme& scheme);

/// The controls that apply to `scheme` now, in drawing order (group size only when the granularity is group,
/// ...). Keys are stable; values are read and written as text.
std::vector<ParameterInfo> schemeParameters(const Scheme& scheme);
std::string schemeParameter(const Scheme& scheme, std::string_view key);
Result<Scheme> withSchemeParameter(Scheme scheme, std::string_view key, std::string_view value);

/// An ecosystem's convention: name ("torch", "torchao", "gptq", "awq", "q8_0", ...), what it means, its
/// source.
struct SchemePreset {
    std::string name;
    std::string label;
    std::string help;
    Scheme scheme;
};
const std::vector<SchemePreset>& schemePresets();

}  // namespace quantscope
