// SPDX-License-Identifier: Apache-2.0
// The controls of a scheme: which apply, how their values read and write as text.
#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>
#include <functional>
#include <optional>

#include "quant/estimators/range_estimator.h"
#include "quant/formats/number_format.h"
#include "quant/scheme/scheme.h"
#include "quant/scheme/scheme_controls.h"
#include "quant/scheme/scheme_names.h"
#include "quant/scheme/scheme_presets.h"

namespace quantscope {
namespace {

/// One control. `set` returns false if the text is no value of it.
struct Control {
    std::string_view key;
    bool (*applies)(const Scheme& scheme);
    ParameterInfo (*describe)(const Scheme& scheme);
    std::string (*get)(const Scheme& scheme);
    bool (*set)(Scheme& scheme, std::string_view text);
};

template <class E>
std::vector<ParameterChoice> choicesOf(std::span<const ChoiceName<E>> names) {
    std::vector<ParameterChoice> choices;
    for (const ChoiceName<E>& name : names)
        choices.push_back({std::string(name.name), std::string(name.label), std::string(name.help)});
    return choices;
}

template <class E>
bool setChoice(std::span<const ChoiceName<E>> names, E& field, std::string_view text) {
    const std::optional<E> value = valueNamed(names, text);
    if (value) field = *value;
    return value.has_value();
}

template <class T>
bool setNumber(T& field, std::string_view text) {
    T value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size()) return false;
    if (!std::isfinite(static_cast<double>(value))) return false;
    field = value;
    return true;
}

std::string toggleText(bool value) {
    return value ? "true" : "false";
}

bool setToggle(bool& field, std::string_view text) {
    if (text != "true" && text != "false") return false;
    field = text == "true";
    return true;
}

bool quantizes(const Scheme& s) {
    return !s.isFloat();
}
bool isAffine(const Scheme& s) {
    return quantizes(s) && s.mapping == Mapping::Affine;
}

// ---- format and bits ----

ParameterInfo describeFormat(const Scheme&) {
    std::vector<ParameterChoice> choices;
    for (const NumberFormat& f : numberFormats()) choices.push_back({f.name, f.label, f.help});
    return choiceParameter("format", "Format", "The set of representable levels.", std::move(choices), "int");
}

bool setFormat(Scheme& s, std::string_view text) {
    if (text == s.format) return true;
    const NumberFormat* format = findNumberFormat(text);
    if (format == nullptr) return false;
    if (format->name == "float") {
        s = floatScheme();
    } else {
        s.format = format->name;
        s.bits = Scheme{}.bits;
    }
    return true;
}

ParameterInfo describeBits(const Scheme& s) {
    ParameterInfo info = integerParameter("bits", "Bits",
                                          "b bits a code: 2^b levels. Every bit less doubles the step S and "
                                          "adds about 6 dB of rounding noise.",
                                          2, 16, "8");
    const NumberFormat* format = findNumberFormat(s.format);
    if (format != nullptr) {
        for (const int bits : format->bitChoices)
            info.choices.push_back({fmt::format("{}", bits), fmt::format("{}", bits), ""});
    }
    info.slider = true;
    return info;
}

// ---- convention ----

ParameterInfo describeConvention(const Scheme&) {
    std::vector<ParameterChoice> choices{{"custom", "Custom", "A combination no peer uses under one name."}};
    for (const SchemePreset& p : schemePresets()) choices.push_back({p.name, p.label, p.help});
    return choiceParameter(
        "convention", "Convention",
        "What an ecosystem means by this scheme: range rule, zero point, rounding. \"Symmetric int4\" is "
        "at least four different things.",
        std::move(choices), "absmax");
}

std::string getConvention(const Scheme& s) {
    const SchemePreset* preset = presetFollowedBy(s);
    return preset == nullptr ? "custom" : preset->name;
}

bool setConvention(Scheme& s, std::string_view text) {
    if (text == "custom") return true;
    const SchemePreset* preset = findSchemePreset(text);
    if (preset != nullptr) s = withPreset(s, *preset);
    return preset != nullptr;
}

// ---- range ----

ParameterInfo describeEstimator(const Scheme&) {
    std::vector<ParameterChoice> choices;
    for (const RangeEstimatorInfo& e : rangeEstimators()) choices.push_back({e.name, e.label, e.help});
    return choiceParameter("estimator", "Range",
                           "Which interval of values the codes cover; what lies outside is clipped.",
                           std::move(choices), "minmax");
}

bool setEstimator(Scheme& s, std::string_view text) {
    for (const RangeEstimatorInfo& e : rangeEstimators()) {
        if (e.name != text) continue;
        s.estimator = e.estimator;
        return true;
    }
    return false;
}

template <RangeEstimator kEstimator>
bool uses(const Scheme& s) {
    return quantizes(s) && s.estimator == kEstimator;
}
template <Granularity kGranularity>
bool cuts(const Scheme& s) {
    return quantizes(s) && s.granularity == kGranularity;
}

template <double Scheme::*kField>
std::string getReal(const Scheme& s) {
    return fmt::format("{}", s.*kField);
}
template <double Scheme::*kField>
bool setReal(Scheme& s, std::string_view text) {
    return setNumber(s.*kField, text);
}
template <int64_t Scheme::*kField>
std::string getCount(const Scheme& s) {
    return fmt::format("{}", s.*kField);
}
template <int64_t Scheme::*kField>
bool setCount(Scheme& s, std::string_view text) {
    return setNumber(s.*kField, text);
}
template <bool Scheme::*kField>
std::string getFlag(const Scheme& s) {
    return toggleText(s.*kField);
}
template <bool Scheme::*kField>
bool setFlag(Scheme& s, std::string_view text) {
    return setToggle(s.*kField, text);
}

ParameterInfo describePercentile(const char* key, const char* label, const char* defaultValue) {
    return realParameter(key, label,
                         "Percentile of the group's values, linear interpolation at f (n - 1) as "
                         "numpy.percentile; values beyond are clipped.",
                         0, 100, defaultValue);
}

ParameterInfo describeManual(const char* key, const char* label, const char* defaultValue) {
    return realParameter(key, label, "End of the range; the same for every group.", -1e6, 1e6, defaultValue);
}

ParameterInfo describeCount(const char* key, const char* label, const char* help, const char* defaultValue) {
    ParameterInfo info = integerParameter(key, label, help, 1, 1 << 20, defaultValue);
    info.logarithmic = true;
    for (const char* stop : {"16", "32", "64", "128", "256"}) info.choices.push_back({stop, stop, ""});
    return info;
}

const auto kControls = std::to_array<Control>({
    {"format", [](const Scheme&) { return true; }, describeFormat, [](const Scheme& s) { return s.format; },
     setFormat},
    {"bits", quantizes, describeBits, [](const Scheme& s) { return fmt::format("{}", s.bits); },
     [](Scheme& s, std::string_view t) { return setNumber(s.bits, t); }},
    {"convention", quantizes, describeConvention, getConvention, setConvention},
    {"mapping", quantizes,
     [](const Scheme&) {
         return choiceParameter("mapping", "Mapping", "Symmetric: r = S q. Affine: r = S (q - Z).",
                       choicesOf(mappingNames()), "symmetric");
     },
     [](const Scheme& s) { return std::string(choiceOf(mappingNames(), s.mapping).name); },
     [](Scheme& s, std::string_view t) { return setChoice(mappingNames(), s.mapping, t); }},
    {"range", [](const Scheme& s) { return quantizes(s) && s.mapping == Mapping::Symmetric; },
     [](const Scheme&) {
         return choiceParameter("range", "Scale from absmax", "Which value of the range lands on which code.",
                       choicesOf(symmetricRangeNames()), "narrow");
     },
     [](const Scheme& s) { return std::string(choiceOf(symmetricRangeNames(), s.symmetricRange).name); },
     [](Scheme& s, std::string_view t) { return setChoice(symmetricRangeNames(), s.symmetricRange, t); }},
    {"signed", quantizes,
     [](const Scheme&) {
         return toggleParameter("signed", "Signed codes", "Codes -2^(b-1) .. 2^(b-1)-1 instead of 0 .. 2^b-1.", true);
     },
     getFlag<&Scheme::isSigned>, setFlag<&Scheme::isSigned>},
    {"granularity", quantizes,
     [](const Scheme&) {
         return choiceParameter("granularity", "Granularity", "Which elements share a scale.",
                       choicesOf(granularityNames()), "channel");
     },
     [](const Scheme& s) { return std::string(choiceOf(granularityNames(), s.granularity).name); },
     [](Scheme& s, std::string_view t) { return setChoice(granularityNames(), s.granularity, t); }},
    {"group-size", cuts<Granularity::Group>,
     [](const Scheme&) {
         return describeCount("group-size", "Group size",
                              "Consecutive inputs that share a scale; the last group of a row may be shorter. "
                              "Costs (scale + zero point bits) / g bits a weight.",
                              "128");
     },
     getCount<&Scheme::groupSize>, setCount<&Scheme::groupSize>},
    {"block-rows", cuts<Granularity::Block>,
     [](const Scheme&) {
         return describeCount("block-rows", "Block rows", "Output channels that share a scale.", "128");
     },
     getCount<&Scheme::blockRows>, setCount<&Scheme::blockRows>},
    {"block-cols", cuts<Granularity::Block>,
     [](const Scheme&) {
         return describeCount("block-cols", "Block columns", "Input channels that share a scale.", "128");
     },
     getCount<&Scheme::blockCols>, setCount<&Scheme::blockCols>},
    {"estimator", quantizes, describeEstimator, [](const Scheme& s) { return infoOf(s.estimator).name; },
     setEstimator},
    {"percentile-low", uses<RangeEstimator::Percentile>,
     [](const Scheme&) { return describePercentile("percentile-low", "Low percentile", "0.01"); },
     getReal<&Scheme::percentileLow>, setReal<&Scheme::percentileLow>},
    {"percentile-high", uses<RangeEstimator::Percentile>,
     [](const Scheme&) { return describePercentile("percentile-high", "High percentile", "99.99"); },
     getReal<&Scheme::percentileHigh>, setReal<&Scheme::percentileHigh>},
    {"momentum", uses<RangeEstimator::MovingAverage>,
     [](const Scheme&) {
         ParameterInfo info = realParameter(
             "momentum", "Momentum", "range = momentum * range + (1 - momentum) * chunk.", 0, 0.999, "0.9");
         info.slider = false;
         return info;
     },
     getReal<&Scheme::momentum>, setReal<&Scheme::momentum>},
    {"manual-low", uses<RangeEstimator::Manual>,
     [](const Scheme&) { return describeManual("manual-low", "Clip low", "-1"); }, getReal<&Scheme::manualLow>,
     setReal<&Scheme::manualLow>},
    {"manual-high", uses<RangeEstimator::Manual>,
     [](const Scheme&) { return describeManual("manual-high", "Clip high", "1"); },
     getReal<&Scheme::manualHigh>, setReal<&Scheme::manualHigh>},
    {"includes-zero", isAffine,
     [](const Scheme&) {
         return toggleParameter("includes-zero", "Range contains zero",
                       "[min, max] is extended to contain 0, so that 0 stays exact (Jacobs et al. 2018). AWQ and "
                       "GGUF Q4_1 do not.",
                       true);
     },
     getFlag<&Scheme::rangeIncludesZero>, setFlag<&Scheme::rangeIncludesZero>},
    {"zero-domain", isAffine,
     [](const Scheme&) {
         return choiceParameter("zero-domain", "Zero point", "How the offset of an affine mapping is stored.",
                       choicesOf(zeroPointDomainNames()), "integer-zero");
     },
     [](const Scheme& s) { return std::string(choiceOf(zeroPointDomainNames(), s.zeroPointDomain).name); },
     [](Scheme& s, std::string_view t) { return setChoice(zeroPointDomainNames(), s.zeroPointDomain, t); }},
    {"rounding", quantizes,
     [](const Scheme&) {
         return choiceParameter("rounding", "Rounding", "How r / S becomes an integer.", choicesOf(roundingNames()),
                       "half-even");
     },
     [](const Scheme& s) { return std::string(choiceOf(roundingNames(), s.rounding).name); },
     [](Scheme& s, std::string_view t) { return setChoice(roundingNames(), s.rounding, t); }},
    {"seed", [](const Scheme& s) { return quantizes(s) && s.rounding == Rounding::Stochastic; },
     [](const Scheme&) {
         return integerParameter("seed", "Seed", "Fixes the random number of every element.", 0, 1'000'000'000,
                                 "0");
     },
     [](const Scheme& s) { return fmt::format("{}", s.seed); },
     [](Scheme& s, std::string_view t) { return setNumber(s.seed, t); }},
    {"zero-inside",
     [](const Scheme& s) { return isAffine(s) && s.zeroPointDomain == ZeroPointDomain::Integer; },
     [](const Scheme&) {
         return toggleParameter("zero-inside", "Zero point inside the rounding",
                       "round(r/S + Z) instead of round(r/S) + Z: differs at ties.", false);
     },
     getFlag<&Scheme::zeroPointInside>, setFlag<&Scheme::zeroPointInside>},
    {"inverse", quantizes,
     [](const Scheme&) {
         return toggleParameter("inverse", "Multiply by 1/S",
                       "r * (1/S) instead of r / S, as torch, torchao and ggml do: differs in the last bit, hence "
                       "at near-ties.",
                       false);
     },
     getFlag<&Scheme::multiplyByInverse>, setFlag<&Scheme::multiplyByInverse>},
    {"scale-format", quantizes,
     [](const Scheme&) {
         return choiceParameter("scale-format", "Scale storage", "How a scale (and a float zero point or minimum) is stored.",
                       choicesOf(scaleFormatNames()), "f32-scale");
     },
     [](const Scheme& s) { return std::string(choiceOf(scaleFormatNames(), s.scaleFormat).name); },
     [](Scheme& s, std::string_view t) { return setChoice(scaleFormatNames(), s.scaleFormat, t); }},
    {"encode-unrounded",
     [](const Scheme& s) { return quantizes(s) && s.scaleFormat != ScaleFormat::F32; },
     [](const Scheme&) {
         return toggleParameter("encode-unrounded", "Codes from the unrounded scale",
                       "Codes are computed with the float32 scale and decoded with the stored one (GGUF).", false);
     },
     getFlag<&Scheme::encodeUnrounded>, setFlag<&Scheme::encodeUnrounded>},
});

const Control* findControl(std::string_view key) {
    for (const Control& control : kControls)
        if (control.key == key) return &control;
    return nullptr;
}

std::string acceptedValues(const ParameterInfo& info) {
    if (info.kind == ParameterKind::Toggle) return "true, false";
    std::string text;
    for (const ParameterChoice& c : info.choices) text += (text.empty() ? "" : ", ") + c.value;
    if (info.kind == ParameterKind::Choice || info.key == "bits") return text;
    return fmt::format("{} to {}", info.minimum, info.maximum);
}

}  // namespace

bool hasSchemeParameter(const Scheme& scheme, std::string_view key) {
    const Control* control = findControl(key);
    return control != nullptr && control->applies(scheme);
}

std::vector<ParameterInfo> schemeParameters(const Scheme& scheme) {
    std::vector<ParameterInfo> parameters;
    for (const Control& control : kControls)
        if (control.applies(scheme)) parameters.push_back(control.describe(scheme));
    return parameters;
}

std::string schemeParameter(const Scheme& scheme, std::string_view key) {
    const Control* control = findControl(key);
    return control == nullptr ? std::string() : control->get(scheme);
}

Result<Scheme> withSchemeParameter(Scheme scheme, std::string_view key, std::string_view value) {
    const Control* control = findControl(key);
    if (control == nullptr) {
        std::string keys;
        for (const Control& c : kControls) keys += (keys.empty() ? "" : ", ") + std::string(c.key);
        return fail(ErrorKind::InvalidArgument, fmt::format("a scheme has no parameter '{}'", key),
                    std::string(key), "accepted: " + keys);
    }
    if (!control->set(scheme, value)) {
        return fail(ErrorKind::InvalidArgument, fmt::format("'{}' is no value of '{}'", value, key),
                    std::string(key), "accepted: " + acceptedValues(control->describe(scheme)));
    }
    if (const Status valid = validate(scheme); !valid) return fail(valid.error());
    return scheme;
}

}  // namespace quantscope
