// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "numerics/lanes.h"

/// How ggml chooses the scale of a run of weights (ggml-quants.c, make_qx_quants and its kin), operation for
/// operation: weighted least squares over a handful of starting scales. Compiled once for each instruction
/// set: every function is inlined into one that names it.
namespace quantscope::fits {

constexpr float kZeroRun = 1e-15F;  ///< largest magnitude of a run that counts as all 0

/// Sums of a least-squares fit x ~ scale l with weights w.
template <int Bytes>
struct Fit {
    using V = Lanes<Bytes>;
    using Floats = typename V::Floats;
    using Ints = typename V::Ints;
    Floats xl{};
    Floats ll{};

    /// wx = w x
    [[gnu::always_inline]] inline void add(const Floats& w, const Floats& wx, const Floats& l) {
        xl += wx * l;
        ll += w * l * l;
    }
    [[gnu::always_inline]] inline Fit without(const Floats& w, const Floats& wx, const Floats& l) const {
        return {xl - wx * l, ll - w * l * l};
    }
    /// Whether its error is less than that of a fit whose scale * xl is `best`.
    [[gnu::always_inline]] inline Ints beats(const Floats& best) const {
        return V::less(Floats{}, ll) & V::less(best * ll, xl * xl);
    }
    [[gnu::always_inline]] inline Ints beats(const Fit& other) const {
        return V::less(other.xl * other.xl * ll, xl * xl * other.ll);
    }
    [[gnu::always_inline]] inline void take(const Ints& where, const Fit& other) {
        xl = where ? other.xl : xl;
        ll = where ? other.ll : ll;
    }
    /// 0 where there is nothing to divide by.
    [[gnu::always_inline]] inline Floats scaleWhere(const Ints& divisible) const {
        return divisible ? xl / ll : Floats{};
    }
};

/// The value of largest magnitude, the first of equals; 0 for a run of zeros.
template <int Bytes, int N>
[[gnu::always_inline]] inline typename Lanes<Bytes>::Floats extremeOf(const RunLanes<Bytes, N>& x) {
    using V = Lanes<Bytes>;
    typename V::Floats extreme{};
    typename V::Floats largest{};
    for (int i = 0; i < N; ++i) {
        const typename V::Floats magnitude = V::magnitude(x.at[i]);
        const typename V::Ints larger = V::less(largest, magnitude);
        largest = larger ? magnitude : largest;
        extreme = larger ? x.at[i] : extreme;
    }
    return largest < kZeroRun ? typename V::Floats{} : extreme;
}

template <int Bytes, int N>
[[gnu::always_inline]] inline typename Lanes<Bytes>::Floats sumOf(const RunLanes<Bytes, N>& w) {
    typename Lanes<Bytes>::Floats sum{};
    for (int i = 0; i < N; ++i) sum += w.at[i];
    return sum;
}

template <int Bytes, int N>
[[gnu::always_inline]] inline RunLanes<Bytes, N> products(const RunLanes<Bytes, N>& a,
                                                          const RunLanes<Bytes, N>& b) {
    RunLanes<Bytes, N> result;
    for (int i = 0; i < N; ++i) result.at[i] = a.at[i] * b.at[i];
    return result;
}

/// A run's scale, and what its codes were rounded with: l = round(inverse (x - low)).
template <int Bytes>
struct Placed {
    using Floats = typename Lanes<Bytes>::Floats;
    Floats scale{};
    Floats inverse{};  ///< 0 for a run of zeros
    Floats low{};
    Floats offset{};  ///< x ~ scale l + offset
};

/// x ~ scale l, l = -levels .. levels - 1: tries 19 starting scales.
template <int Bytes, int N>
[[gnu::always_inline]] inline Placed<Bytes> fitSigned(const RunLanes<Bytes, N>& x,
                                                      const RunLanes<Bytes, N>& w, int levels) {
    using V = Lanes<Bytes>;
    const typename V::Floats extreme = extremeOf(x);
    const RunLanes<Bytes, N> wx = products(w, x);
    Placed<Bytes> placed;
    typename V::Floats best{};
    for (int attempt = 0; attempt < 19; ++attempt) {
        // The extreme at -levels first, then steps of a tenth around that.
        const int step = attempt == 0 ? 0 : attempt <= 9 ? attempt - 10 : attempt - 9;
        const typename V::Floats inverse =
            -(static_cast<float>(levels) + 0.1F * static_cast<float>(step)) / extreme;
        Fit<Bytes> fit;
        for (int i = 0; i < N; ++i)
            fit.add(w.at[i], wx.at[i], V::nearestIn(inverse * x.at[i], -levels, levels - 1));
        const typename V::Ints better = attempt == 0 ? typename V::Ints{} - 1 : fit.beats(best);
        const typename V::Floats scale = fit.scaleWhere(V::unequal(fit.ll, typename V::Floats{}));
        placed.scale = better ? scale : placed.scale;
        placed.inverse = better ? inverse : placed.inverse;
        best = better ? scale * fit.xl : best;
    }
    placed.scale = extreme == 0 ? typename V::Floats{} : placed.scale;
    placed.inverse = extreme == 0 ? typename V::Floats{} : placed.inverse;
    return placed;
}

/// Moves single codes of a fit to where the others would have them, up to five times around; at most `top`,
/// at least `bottom`.
template <int Bytes, int N>
struct Moves {
    using V = Lanes<Bytes>;
    const RunLanes<Bytes, N>& x;
    const RunLanes<Bytes, N>& w;
    const RunLanes<Bytes, N> wx = products(w, x);

    template <class Round>
    [[gnu::always_inline]] inline void run(Fit<Bytes>& fit, RunLanes<Bytes, N>& codes,
                                           const Round& round) const {
        for (int pass = 0; pass < 5; ++pass) {
            typename V::Ints changed{};
            for (int i = 0; i < N; ++i) {
                const typename V::Floats zero{};
                const typename V::Floats old = codes.at[i];
                Fit<Bytes> moved = fit.without(w.at[i], wx.at[i], old);
                typename V::Ints accepted = V::less(zero, moved.xl);
                if constexpr (Round::kNeedsSquares) accepted &= V::less(zero, moved.ll);
                const typename V::Floats l = round.template of<Bytes>(x.at[i] * moved.ll / moved.xl);
                accepted &= V::unequal(l, old);
                moved.add(w.at[i], wx.at[i], l);
                if constexpr (!Round::kNeedsSquares) accepted &= V::less(zero, moved.ll);
                accepted &= moved.beats(fit);
                codes.at[i] = accepted ? l : old;
                fit.take(accepted, moved);
                changed |= accepted;
            }
            if (!V::any(changed)) break;
        }
    }
};

struct SignedRound {
    static constexpr bool kNeedsSquares = false;
    int levels;
    template <int Bytes>
    [[gnu::always_inline]] inline typename Lanes<Bytes>::Floats of(
        const typename Lanes<Bytes>::Floats& x) const {
        return Lanes<Bytes>::nearestIn(x, -levels, levels - 1);
    }
};

struct PositiveRound {
    static constexpr bool kNeedsSquares = true;  ///< already before the code comes back
    int top;
    template <int Bytes>
    [[gnu::always_inline]] inline typename Lanes<Bytes>::Floats of(
        const typename Lanes<Bytes>::Floats& x) const {
        return Lanes<Bytes>::nearestUpTo(x, top);
    }
};

/// The same with weights x^2, one starting scale, and moves of single codes; codes = l + levels, 0 for a run
/// of zeros.
template <int Bytes, int N>
[[gnu::always_inline]] inline typename Lanes<Bytes>::Floats fitByMoves(const RunLanes<Bytes, N>& x,
                                                                       int levels,
                                                                       RunLanes<Bytes, N>& codes) {
    using V = Lanes<Bytes>;
    const typename V::Floats extreme = extremeOf(x);
    const typename V::Floats inverse = -static_cast<float>(levels) / extreme;
    const RunLanes<Bytes, N> w = products(x, x);
    const Moves<Bytes, N> moves{x, w};
    Fit<Bytes> fit;
    for (int i = 0; i < N; ++i) {
        codes.at[i] = V::nearestIn(inverse * x.at[i], -levels, levels - 1);
        fit.add(w.at[i], moves.wx.at[i], codes.at[i]);
    }
    moves.run(fit, codes, SignedRound{levels});
    const typename V::Ints empty = V::equal(extreme, typename V::Floats{});
    for (int i = 0; i < N; ++i)
        codes.at[i] = empty ? typename V::Floats{} : codes.at[i] + static_cast<float>(levels);
    return empty ? typename V::Floats{} : fit.scaleWhere(V::less(typename V::Floats{}, fit.ll));
}

/// x >= 0, x ~ scale code, codes 0 .. top: nine starting scales, then moves of single codes.
template <int Bytes, int N>
[[gnu::always_inline]] inline typename Lanes<Bytes>::Floats fitPositive(const RunLanes<Bytes, N>& x,
                                                                        const RunLanes<Bytes, N>& w, int top,
                                                                        RunLanes<Bytes, N>& codes) {
    using V = Lanes<Bytes>;
    typename V::Floats high{};
    for (int i = 0; i < N; ++i) high = high < x.at[i] ? x.at[i] : high;
    typename V::Floats inverse{};
    typename V::Floats best{};
    for (int attempt = 0; attempt < 9; ++attempt) {
        const int step = attempt == 0 ? 0 : attempt <= 4 ? attempt - 5 : attempt - 4;
        const typename V::Floats tried = (0.1F * static_cast<float>(step) + static_cast<float>(top)) / high;
        const typename V::Floats scale = 1 / tried;
        typename V::Floats error{};
        for (int i = 0; i < N; ++i) {
            const typename V::Floats d = x.at[i] - scale * V::nearestUpTo(tried * x.at[i], top);
            error += w.at[i] * d * d;
        }
        const typename V::Ints better = attempt == 0 ? typename V::Ints{} - 1 : V::less(error, best);
        best = better ? error : best;
        inverse = better ? tried : inverse;
    }
    const Moves<Bytes, N> moves{x, w};
    Fit<Bytes> fit;
    for (int i = 0; i < N; ++i) {
        codes.at[i] = V::nearestUpTo(inverse * x.at[i], top);
        fit.add(w.at[i], moves.wx.at[i], codes.at[i]);
    }
    moves.run(fit, codes, PositiveRound{top});
    const typename V::Ints empty = V::less(high, V::all(kZeroRun));
    for (int i = 0; i < N; ++i) codes.at[i] = empty ? typename V::Floats{} : codes.at[i];
    return empty ? typename V::Floats{} : fit.scaleWhere(V::less(typename V::Floats{}, fit.ll));
}

/// Where fitWithMinimum() looks: inverse scales (first + step k + top) / width, k = 0 .. steps.
struct Search {
    float first;
    float step;
    int steps;
    bool absolute;  ///< judge by |error| instead of its square
};

/// x ~ scale l + offset with offset <= 0, l = 0 .. top.
template <int Bytes, int N>
struct MinimumFit {
    using V = Lanes<Bytes>;
    using Floats = typename V::Floats;
    using Ints = typename V::Ints;
    const RunLanes<Bytes, N>& x;
    const RunLanes<Bytes, N>& w;
    int top;
    Search search;
    Floats high{};
    Floats sumW{};
    Floats sumX{};
    RunLanes<Bytes, N> tried = {};

    [[gnu::always_inline]] inline Placed<Bytes> run() {
        Placed<Bytes> placed;
        placed.low = placed.offset = range();
        const Ints wide = V::less(placed.low, high);
        placed.inverse = static_cast<float>(top) / (high - placed.low);
        placed.scale = 1 / placed.inverse;
        place(placed.inverse, placed.low);
        Floats best = errorOf(placed.scale, placed.offset);
        for (int k = 0; k <= search.steps; ++k) attempt(k, placed, best);
        const Floats zero{};
        placed.scale = wide ? placed.scale : zero;
        placed.inverse = wide ? placed.inverse : zero;
        return placed;
    }

 private:
    /// The sums over the run; returns its least value, at most 0.
    [[gnu::always_inline]] inline Floats range() {
        Floats low = high = x.at[0];
        sumW = w.at[0];
        sumX = w.at[0] * x.at[0];
        for (int i = 1; i < N; ++i) {
            low = x.at[i] < low ? x.at[i] : low;
            high = high < x.at[i] ? x.at[i] : high;
            sumW += w.at[i];
            sumX += w.at[i] * x.at[i];
        }
        return low > 0 ? Floats{} : low;
    }
    [[gnu::always_inline]] inline void place(const Floats& inverse, const Floats& low) {
        for (int i = 0; i < N; ++i) tried.at[i] = V::nearestIn(inverse * (x.at[i] - low), 0, top);
    }
    [[gnu::always_inline]] inline Floats errorOf(const Floats& scale, const Floats& offset) const {
        Floats error{};
        for (int i = 0; i < N; ++i) {
            const Floats d = scale * tried.at[i] + offset - x.at[i];
            error += w.at[i] * (search.absolute ? V::magnitude(d) : d * d);
        }
        return error;
    }
    [[gnu::always_inline]] inline void attempt(int k, Placed<Bytes>& placed, Floats& best) {
        // Every attempt starts from the best minimum so far.
        const Floats low = placed.offset;
        const Floats inverse =
            (search.first + search.step * static_cast<float>(k) + static_cast<float>(top)) / (high - low);
        place(inverse, low);
        Floats sumL{};
        Floats sumLL{};
        Floats sumXL{};
        for (int i = 0; i < N; ++i) {
            const Floats l = tried.at[i];
            sumL += w.at[i] * l;
            sumLL += w.at[i] * l * l;
            sumXL += w.at[i] * l * x.at[i];
        }
        const Floats determinant = sumW * sumLL - sumL * sumL;
        const Floats offset = (sumLL * sumX - sumL * sumXL) / determinant;
        const Ints above = V::less(Floats{}, offset);
        const Floats itsOffset = above ? Floats{} : offset;
        const Floats itsScale = above ? sumXL / sumLL : (sumW * sumXL - sumX * sumL) / determinant;
        const Floats error = errorOf(itsScale, itsOffset);
        const Ints better = V::less(Floats{}, determinant) & V::less(error, best);
        best = better ? error : best;
        placed.scale = better ? itsScale : placed.scale;
        placed.offset = better ? itsOffset : placed.offset;
        placed.inverse = better ? inverse : placed.inverse;
        placed.low = better ? low : placed.low;
    }
};

}  // namespace quantscope::fits
