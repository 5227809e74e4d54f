// SPDX-License-Identifier: Apache-2.0
#include "analysis/tensor/synthetic_sources.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <system_error>

namespace quantscope {

namespace {

std::string shortest(double value) {
    return fmt::format("{}", value);
}

ParameterInfo integerParameter(std::string key, std::string label, std::string help, double low, double high,
                               const std::string& value) {
    ParameterInfo info;
    info.key = std::move(key);
    info.label = std::move(label);
    info.help = std::move(help);
    info.kind = ParameterKind::Integer;
    info.minimum = low;
    info.maximum = high;
    info.step = 1;
    info.defaultValue = value;
    return info;
}

ParameterInfo realParameter(std::string key, std::string label, std::string help, double low, double high,
                            const std::string& value) {
    ParameterInfo info =
        integerParameter(std::move(key), std::move(label), std::move(help), low, high, value);
    info.kind = ParameterKind::Real;
    info.step = 0;
    info.slider = true;
    return info;
}

std::vector<ParameterInfo> commonParameters() {
    std::vector<ParameterInfo> parameters{
        integerParameter("rows", "Rows", "output channels", 1, 1 << 17, "512"),
        integerParameter("cols", "Columns", "input channels", 1, 1 << 17, "1024"),
        integerParameter("seed", "Seed", "the same seed gives the same matrix", 0, 1e15, "1"),
        realParameter("scale", "Scale s", "every element is multiplied by it", 1e-3, 1e3, "1")};
    parameters.back().logarithmic = true;
    return parameters;
}

SyntheticInfo entry(Distribution distribution, std::string name, std::string label, std::string help,
                    std::vector<ParameterInfo> own = {}) {
    SyntheticInfo info{distribution, std::move(name), std::move(label), std::move(help), commonParameters()};
    info.parameters.insert(info.parameters.end(), own.begin(), own.end());
    return info;
}

std::vector<SyntheticInfo> makeTable() {
    return {
        entry(Distribution::Normal, "normal", "Normal", "s N(0, 1): std s, kurtosis 3"),
        entry(Distribution::Laplace, "laplace", "Laplace", "density e^(−|x|/s) / 2s: std s √2, kurtosis 6"),
        entry(Distribution::StudentT, "student-t", "Student t",
              "s t(ν): std s √(ν / (ν − 2)) for ν > 2; kurtosis 3 + 6 / (ν − 4) for ν > 4, unbounded below",
              {realParameter("nu", "Degrees of freedom ν", "the smaller, the heavier the tails", 0.5, 100,
                             "4")}),
        entry(Distribution::Uniform, "uniform", "Uniform", "[−s, s): std s / √3, kurtosis 1.8"),
        entry(Distribution::Bimodal, "bimodal", "Bimodal", "s N(±d, 1), half of the elements each",
              {realParameter("separation", "Half distance d", "of the two modes", 0, 100, "3")}),
        entry(
            Distribution::OutlierChannels, "outliers", "Outlier channels",
            "s N(0, 1), a few input channels multiplied: what activations of large language models look like",
            {integerParameter("outliers", "Outlier channels", "drawn from the seed", 0, 1 << 17, "6"),
             realParameter("factor", "Factor", "of the outlier channels", 1, 1000, "20")})};
}

template <class Number>
bool readNumber(std::string_view text, Number& number) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    return error == std::errc() && end == text.data() + text.size();
}

std::string acceptedKeys(Distribution distribution) {
    std::string keys;
    for (const ParameterInfo& info : infoOf(distribution).parameters)
        keys += (keys.empty() ? "" : ", ") + info.key;
    return keys;
}

const ParameterInfo* findParameter(Distribution distribution, std::string_view key) {
    for (const ParameterInfo& info : infoOf(distribution).parameters)
        if (info.key == key) return &info;
    return nullptr;
}

/// The member a key names; false when the text is not a number.
bool assign(SyntheticMatrix& matrix, std::string_view key, std::string_view value) {
    if (key == "rows") return readNumber(value, matrix.rows);
    if (key == "cols") return readNumber(value, matrix.cols);
    if (key == "seed") return readNumber(value, matrix.seed);
    if (key == "outliers") return readNumber(value, matrix.outlierCount);
    if (key == "scale") return readNumber(value, matrix.scale);
    if (key == "nu") return readNumber(value, matrix.degreesOfFreedom);
    if (key == "separation") return readNumber(value, matrix.separation);
    return key == "factor" && readNumber(value, matrix.outlierFactor);
}

double numericValue(const SyntheticMatrix& matrix, std::string_view key) {
    if (key == "rows") return static_cast<double>(matrix.rows);
    if (key == "cols") return static_cast<double>(matrix.cols);
    if (key == "seed") return static_cast<double>(matrix.seed);
    if (key == "outliers") return static_cast<double>(matrix.outlierCount);
    if (key == "scale") return matrix.scale;
    if (key == "nu") return matrix.degreesOfFreedom;
    return key == "separation" ? matrix.separation : matrix.outlierFactor;
}

}  // namespace

const std::vector<SyntheticInfo>& syntheticSources() {
    static const std::vector<SyntheticInfo> table = makeTable();
    return table;
}

const SyntheticInfo& infoOf(Distribution distribution) {
    return syntheticSources()[static_cast<size_t>(distribution)];
}

std::string syntheticText(const SyntheticMatrix& matrix) {
    const SyntheticInfo& info = infoOf(matrix.distribution);
    std::string text = info.name;
    for (const ParameterInfo& parameter : info.parameters) {
        const std::string value = syntheticParameter(matrix, parameter.key);
        if (value != parameter.defaultValue) text += "/" + parameter.key + "=" + value;
    }
    return text;
}

Result<SyntheticMatrix> parseSynthetic(std::string_view text) {
    const size_t end = std::min(text.find('/'), text.size());
    const std::string_view name = text.substr(0, end);
    const auto& table = syntheticSources();
    const auto found =
        std::find_if(table.begin(), table.end(), [&](const auto& info) { return info.name == name; });
    if (found == table.end()) {
        std::string names;
        for (const SyntheticInfo& info : table) names += (names.empty() ? "" : ", ") + info.name;
        return fail(ErrorKind::InvalidArgument, fmt::format("there is no distribution '{}'", name),
                    "synthetic", "use one of: " + names);
    }
    SyntheticMatrix matrix;
    matrix.distribution = found->distribution;
    std::string_view rest = text.substr(end);
    while (!rest.empty()) {
        rest.remove_prefix(1);
        const size_t partEnd = std::min(rest.find('/'), rest.size());
        const std::string_view part = rest.substr(0, partEnd);
        const size_t equals = std::min(part.find('='), part.size());
        const std::string_view value = equals < part.size() ? part.substr(equals + 1) : std::string_view();
        auto next = withSyntheticParameter(matrix, part.substr(0, equals), value);
        if (!next) return next;
        matrix = *next;
        rest = rest.substr(partEnd);
    }
    return matrix;
}

std::string syntheticTitle(const SyntheticMatrix& matrix) {
    return fmt::format("{} {} × {}", infoOf(matrix.distribution).label, matrix.rows, matrix.cols);
}

std::string syntheticParameter(const SyntheticMatrix& matrix, std::string_view key) {
    if (key == "rows") return std::to_string(matrix.rows);
    if (key == "cols") return std::to_string(matrix.cols);
    if (key == "seed") return std::to_string(matrix.seed);
    if (key == "outliers") return std::to_string(matrix.outlierCount);
    return shortest(numericValue(matrix, key));
}

Result<SyntheticMatrix> withSyntheticParameter(SyntheticMatrix matrix, std::string_view key,
                                               std::string_view value) {
    const ParameterInfo* const info = findParameter(matrix.distribution, key);
    if (info == nullptr)
        return fail(ErrorKind::InvalidArgument,
                    fmt::format("{} has no parameter '{}'", infoOf(matrix.distribution).name, key),
                    std::string(key), "use one of: " + acceptedKeys(matrix.distribution));
    const std::string fix = fmt::format("use a number from {:g} to {:g}", info->minimum, info->maximum);
    if (!assign(matrix, key, value))
        return fail(ErrorKind::InvalidArgument, fmt::format("'{}' is not a number", value), std::string(key),
                    fix);
    const double number = numericValue(matrix, key);
    if (!(number >= info->minimum && number <= info->maximum))
        return fail(ErrorKind::InvalidArgument, fmt::format("{} is out of range", value), std::string(key),
                    fix);
    return matrix;
}

}  // namespace quantscope
