// SPDX-License-Identifier: Apache-2.0
#include "plain_fits.h"

#include <array>
#include <cmath>

namespace quantscope::plain {

float extremeOf(const float* x, int n) {
    float extreme = 0;
    float largest = 0;
    for (int i = 0; i < n; ++i) {
        if (std::abs(x[i]) <= largest) continue;
        largest = std::abs(x[i]);
        extreme = x[i];
    }
    return largest < kZeroRun ? 0 : extreme;
}

float fitSigned(const float* x, int n, int levels, const float* w, int* codes) {
    const float extreme = extremeOf(x, n);
    std::fill(codes, codes + n, 0);
    if (extreme == 0) return 0;
    const auto attempt = [&](float inverse, bool write) {
        Fit fit;
        for (int i = 0; i < n; ++i) {
            const int l = nearestIn(inverse * x[i], -levels, levels - 1);
            if (write) codes[i] = l + levels;
            fit.add(w != nullptr ? w[i] : x[i] * x[i], x[i], static_cast<float>(l));
        }
        return fit;
    };
    const Fit first = attempt(-static_cast<float>(levels) / extreme, true);
    float scale = first.ll != 0 ? first.xl / first.ll : 0.0F;
    float best = scale * first.xl;
    for (int step = -9; step <= 9; ++step) {
        if (step == 0) continue;
        const float inverse = -(static_cast<float>(levels) + 0.1F * static_cast<float>(step)) / extreme;
        const Fit fit = attempt(inverse, false);
        if (!fit.beats(best)) continue;
        attempt(inverse, true);
        scale = fit.xl / fit.ll;
        best = scale * fit.xl;
    }
    return scale;
}

float fitByMoves(const float* x, int n, int levels, int* codes) {
    const float extreme = extremeOf(x, n);
    std::fill(codes, codes + n, 0);
    if (extreme == 0) return 0;
    const float inverse = -static_cast<float>(levels) / extreme;
    Fit fit;
    for (int i = 0; i < n; ++i) {
        codes[i] = nearestIn(inverse * x[i], -levels, levels - 1);
        fit.add(x[i] * x[i], x[i], static_cast<float>(codes[i]));
    }
    for (int round = 0; round < 5; ++round) {
        bool changed = false;
        for (int i = 0; i < n; ++i) {
            const float w = x[i] * x[i];
            const auto old = static_cast<float>(codes[i]);
            Fit moved{fit.xl - w * x[i] * old, 0};
            if (!(moved.xl > 0)) continue;
            moved.ll = fit.ll - w * old * old;
            const int l = nearestIn(x[i] * moved.ll / moved.xl, -levels, levels - 1);
            if (l == codes[i]) continue;
            moved.add(w, x[i], static_cast<float>(l));
            if (!(moved.ll > 0 && moved.xl * moved.xl * fit.ll > fit.xl * fit.xl * moved.ll)) continue;
            codes[i] = l;
            fit = moved;
            changed = true;
        }
        if (!changed) break;
    }
    for (int i = 0; i < n; ++i) codes[i] += levels;
    return fit.ll > 0 ? fit.xl / fit.ll : 0.0F;
}

float fitWithMinimum(const float* x, int n, int top, const float* w, const Search& search, int* codes,
                     float& minimum) {
    float low = x[0];
    float high = x[0];
    float sumW = w[0];
    float sumX = w[0] * x[0];
    for (int i = 1; i < n; ++i) {
        low = std::min(low, x[i]);
        high = std::max(high, x[i]);
        sumW += w[i];
        sumX += w[i] * x[i];
    }
    low = std::min(low, 0.0F);
    std::fill(codes, codes + n, 0);
    minimum = -low;
    if (high <= low) return 0;
    std::array<int, 32> tried{};
    const auto errorOf = [&](float scale, float offset) {
        float error = 0;
        for (int i = 0; i < n; ++i) {
            const float d = scale * static_cast<float>(tried[static_cast<size_t>(i)]) + offset - x[i];
            error += w[i] * (search.absolute ? std::abs(d) : d * d);
        }
        return error;
    };
    const auto place = [&](float inverse) {
        for (int i = 0; i < n; ++i) tried[static_cast<size_t>(i)] = nearestIn(inverse * (x[i] - low), 0, top);
    };
    const float start = static_cast<float>(top) / (high - low);
    float scale = 1 / start;
    float offset = low;
    place(start);
    std::copy_n(tried.begin(), n, codes);
    float best = errorOf(scale, offset);
    for (int k = 0; k <= search.steps; ++k) {
        // Every attempt starts from the best minimum so far.
        low = offset;
        place((search.first + search.step * static_cast<float>(k) + static_cast<float>(top)) / (high - low));
        float sumL = 0;
        float sumLL = 0;
        float sumXL = 0;
        for (int i = 0; i < n; ++i) {
            const auto l = static_cast<float>(tried[static_cast<size_t>(i)]);
            sumL += w[i] * l;
            sumLL += w[i] * l * l;
            sumXL += w[i] * l * x[i];
        }
        const float determinant = sumW * sumLL - sumL * sumL;
        if (!(determinant > 0)) continue;
        float itsScale = (sumW * sumXL - sumX * sumL) / determinant;
        float itsOffset = (sumLL * sumX - sumL * sumXL) / determinant;
        if (itsOffset > 0) {
            itsOffset = 0;
            itsScale = sumXL / sumLL;
        }
        const float error = errorOf(itsScale, itsOffset);
        if (!(error < best)) continue;
        std::copy_n(tried.begin(), n, codes);
        best = error;
        scale = itsScale;
        offset = itsOffset;
    }
    minimum = -offset;
    return scale;
}

float fitPositive(const float* x, int n, int top, const float* w, int* codes) {
    float high = 0;
    for (int i = 0; i < n; ++i) high = std::max(high, x[i]);
    std::fill(codes, codes + n, 0);
    if (high < kZeroRun) return 0;
    const auto errorOf = [&](float inverse, int limit) {
        const float scale = 1 / inverse;
        float error = 0;
        for (int i = 0; i < n; ++i) {
            const float d = x[i] - scale * static_cast<float>(std::min(limit, nearest(inverse * x[i])));
            error += w[i] * d * d;
        }
        return error;
    };
    float inverse = static_cast<float>(top) / high;
    float best = errorOf(inverse, top);
    for (int step = -4; step <= 4; ++step) {
        if (step == 0) continue;
        const float tried = (0.1F * static_cast<float>(step) + static_cast<float>(top)) / high;
        const float error = errorOf(tried, top);
        if (!(error < best)) continue;
        best = error;
        inverse = tried;
    }
    Fit fit;
    for (int i = 0; i < n; ++i) {
        codes[i] = std::min(top, nearest(inverse * x[i]));
        fit.add(w[i], x[i], static_cast<float>(codes[i]));
    }
    for (int round = 0; round < 5; ++round) {
        bool changed = false;
        for (int i = 0; i < n; ++i) {
            const auto old = static_cast<float>(codes[i]);
            Fit moved{fit.xl - w[i] * x[i] * old, fit.ll - w[i] * old * old};
            if (!(moved.xl > 0 && moved.ll > 0)) continue;
            const int l = std::min(top, nearest(x[i] * moved.ll / moved.xl));
            if (l == codes[i]) continue;
            moved.add(w[i], x[i], static_cast<float>(l));
            if (!(moved.xl * moved.xl * fit.ll > fit.xl * fit.xl * moved.ll)) continue;
            codes[i] = l;
            fit = moved;
            changed = true;
        }
        if (!changed) break;
    }
    return fit.ll > 0 ? fit.xl / fit.ll : 0.0F;
}

}  // namespace quantscope::plain
