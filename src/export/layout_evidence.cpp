// SPDX-License-Identifier: Apache-2.0
#include "export/layout_evidence.h"

#include <algorithm>
#include <cmath>

namespace quantscope {
namespace {

/// Calls body(group's scale, zero, mean of its codes, their variance).
template <class Body>
void forGroups(const UniformWeight& weight, const Body& body) {
    const int64_t groups = weight.groups();
    std::vector<double> sum(static_cast<size_t>(groups));
    std::vector<double> squares(sum.size());
    std::vector<double> count(sum.size());
    for (int64_t r = 0; r < weight.rows; ++r) {
        std::ranges::fill(sum, 0);
        std::ranges::fill(squares, 0);
        std::ranges::fill(count, 0);
        for (int64_t c = 0; c < weight.cols; ++c) {
            const auto g = static_cast<size_t>(weight.groupOf(c));
            const double code = weight.codes[static_cast<size_t>(r * weight.cols + c)];
            sum[g] += code;
            squares[g] += code * code;
            count[g] += 1;
        }
        for (size_t g = 0; g < sum.size(); ++g) {
            if (count[g] == 0) continue;
            const auto at = static_cast<size_t>(r * groups) + g;
            const double mean = sum[g] / count[g];
            body(static_cast<double>(weight.scales[at]), static_cast<double>(weight.zeros[at]), mean,
                 squares[g] / count[g] - mean * mean);
        }
    }
}

}  // namespace

ZeroEvidence zeroEvidence(const UniformWeight& weight) {
    ZeroEvidence evidence;
    double groups = 0;
    forGroups(weight, [&](double, double zero, double mean, double) {
        evidence.mean += mean - zero;
        evidence.meanSquare += (mean - zero) * (mean - zero);
        ++groups;
    });
    if (groups > 0) {
        evidence.mean /= groups;
        evidence.meanSquare /= groups;
    }
    return evidence;
}

double scaleScatter(const UniformWeight& weight) {
    double sum = 0;
    double squares = 0;
    double groups = 0;
    forGroups(weight, [&](double scale, double, double, double variance) {
        if (scale == 0 || variance <= 0) return;
        const double size = std::log(std::abs(scale) * std::sqrt(variance));
        sum += size;
        squares += size * size;
        ++groups;
    });
    if (groups == 0) return 0;
    return squares / groups - sum / groups * (sum / groups);
}

std::vector<double> rowSizes(const MatrixView& weight) {
    std::vector<double> sizes(static_cast<size_t>(weight.rows));
    for (int64_t r = 0; r < weight.rows; ++r) {
        double squares = 0;
        for (int64_t c = 0; c < weight.cols; ++c)
            squares += static_cast<double>(weight.at(r, c)) * static_cast<double>(weight.at(r, c));
        sizes[static_cast<size_t>(r)] = std::sqrt(squares / static_cast<double>(weight.cols));
    }
    return sizes;
}

std::vector<double> columnSizes(const MatrixView& weight) {
    std::vector<double> sizes(static_cast<size_t>(weight.cols));
    for (int64_t r = 0; r < weight.rows; ++r)
        for (int64_t c = 0; c < weight.cols; ++c)
            sizes[static_cast<size_t>(c)] +=
                static_cast<double>(weight.at(r, c)) * static_cast<double>(weight.at(r, c));
    for (double& size : sizes) size = std::sqrt(size / static_cast<double>(weight.rows));
    return sizes;
}

double logCorrelation(std::span<const double> a, std::span<const double> b) {
    double n = 0;
    double sa = 0;
    double sb = 0;
    double saa = 0;
    double sbb = 0;
    double sab = 0;
    for (size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
        if (a[i] <= 0 || b[i] <= 0) continue;
        const double x = std::log(a[i]);
        const double y = std::log(b[i]);
        ++n;
        sa += x;
        sb += y;
        saa += x * x;
        sbb += y * y;
        sab += x * y;
    }
    const double spread = (saa - sa * sa / n) * (sbb - sb * sb / n);
    if (n < 8 || !(spread > 0)) return 0;
    return (sab - sa * sb / n) / std::sqrt(spread);
}

double relativeError(const MatrixView& weight, const MatrixView& reference) {
    double error = 0;
    double size = 0;
    for (int64_t r = 0; r < reference.rows; ++r)
        for (int64_t c = 0; c < reference.cols; ++c) {
            const double w = reference.at(r, c);
            const double d = static_cast<double>(weight.at(r, c)) - w;
            error += d * d;
            size += w * w;
        }
    return size > 0 ? error / size : 0;
}

}  // namespace quantscope
