// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "analysis/tensor/matrix_quantization.h"
#include "quant/passes/reference.h"

namespace quantscope {

/// Element-by-element meaning of a variant in double, written independently of the fast pass.
struct NaiveReport {
    std::vector<float> values;   ///< r^
    std::vector<int32_t> codes;  ///< q
    ErrorSplit total;
    std::vector<ErrorSplit> rows, cols, groups;
};

inline void addElement(ErrorSplit& split, float r, float value, bool clipped) {
    const double error = static_cast<double>(r - value);
    ++split.count;
    if (clipped) ++split.clippedCount;
    (clipped ? split.clippingSse : split.roundingSse) += error * error;
    split.maxAbs = std::max(split.maxAbs, std::abs(r - value));
    split.signalSse += static_cast<double>(r) * r;
    split.dotProduct += static_cast<double>(r) * value;
    split.outputSse += static_cast<double>(value) * value;
}

inline NaiveReport naiveReport(const MatrixView& matrix, const MatrixQuantization& quantization) {
    NaiveReport report;
    report.rows.resize(static_cast<size_t>(matrix.rows));
    report.cols.resize(static_cast<size_t>(matrix.cols));
    report.groups.resize(quantization.groups.size());
    for (int64_t i = 0; i < matrix.rows; ++i)
        for (int64_t j = 0; j < matrix.cols; ++j) {
            const QuantizeParams p = quantization.paramsAt(i, j);
            const float r = matrix.at(i, j);
            const auto element = static_cast<uint64_t>(i * matrix.cols + j);
            const int32_t code =
                quantization.codes ? quantization.codes->code(i, j) : quantizeValue(r, p, element);
            const float value = dequantizeValue(code, p);
            const float a = dequantizeValue(p.codeMin, p);
            const float b = dequantizeValue(p.codeMax, p);
            const bool clipped = r < std::min(a, b) || r > std::max(a, b);
            report.values.push_back(value);
            report.codes.push_back(code);
            addElement(report.total, r, value, clipped);
            addElement(report.rows[static_cast<size_t>(i)], r, value, clipped);
            addElement(report.cols[static_cast<size_t>(j)], r, value, clipped);
            const int64_t group = quantization.layout.groupOf(i, j);
            addElement(report.groups[static_cast<size_t>(group)], r, value, clipped);
        }
    return report;
}

inline bool nearly(double a, double b, double relative, double absolute = 0) {
    return a == b || std::abs(a - b) <= relative * std::max(std::abs(a), std::abs(b)) + absolute;
}

/// Empty when equal: counts and the largest error exactly, sums to 1e-9.
inline std::string difference(const ErrorSplit& a, const ErrorSplit& b) {
    if (a.count != b.count) return "count";
    if (a.clippedCount != b.clippedCount) return "clipped count";
    if (a.maxAbs != b.maxAbs) return "largest error";
    const double slack = 1e-12 * b.totalSse();
    if (!nearly(a.clippingSse, b.clippingSse, 1e-9, slack)) return "clipping";
    if (!nearly(a.roundingSse, b.roundingSse, 1e-9, slack)) return "rounding";
    if (!nearly(a.signalSse, b.signalSse, 1e-9)) return "signal";
    if (!nearly(a.outputSse, b.outputSse, 1e-9)) return "output";
    // Columns derive it from the other sums, with e rounded to float.
    if (!nearly(a.dotProduct, b.dotProduct, 1e-6, 1e-6 * b.signalSse)) return "product";
    return {};
}

inline std::string difference(const std::vector<ErrorSplit>& a, const std::vector<ErrorSplit>& b,
                              const std::string& what) {
    if (a.size() != b.size()) return what + ": number";
    for (size_t i = 0; i < a.size(); ++i) {
        const std::string message = difference(a[i], b[i]);
        if (!message.empty()) return what + " " + std::to_string(i) + ": " + message;
    }
    return {};
}

inline ErrorSplit sumOf(const std::vector<ErrorSplit>& splits) {
    ErrorSplit sum;
    for (const ErrorSplit& split : splits) sum.merge(split);
    return sum;
}

}  // namespace quantscope
