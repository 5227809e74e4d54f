// SPDX-License-Identifier: Apache-2.0
#include "tensor/synthetic.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <numbers>
#include <numeric>
#include <utility>
#include <vector>

#include "base/parallel_for.h"
#include "base/random.h"

namespace quantscope {

namespace {

constexpr uint64_t kModeStream = 1;
constexpr uint64_t kChannelStream = 2;
constexpr int64_t kMostElements = int64_t{1} << 31;

/// Uniform in the open interval (0, 1): safe under a logarithm.
double openUniform(const CounterRandom& random, uint64_t n) {
    return random.uniform(n) + 0x1.0p-54;
}

double laplace(const CounterRandom& random, uint64_t n) {
    const double u = openUniform(random, n) - 0.5;
    return std::copysign(std::log(1 - 2 * std::abs(u)), -u);
}

/// Bailey's exact transformation of two uniform numbers (Mathematics of Computation 62, 1994).
double studentT(const CounterRandom& random, uint64_t n, double nu) {
    const double u = openUniform(random, 2 * n);
    const double angle = 2 * std::numbers::pi * random.uniform(2 * n + 1);
    return std::sqrt(nu * (std::pow(u, -2 / nu) - 1)) * std::cos(angle);
}

/// Draws one element; the object holds what all elements share.
class Generator {
 public:
    explicit Generator(const SyntheticMatrix& matrix)
        : m_matrix(matrix),
          m_random(matrix.seed),
          m_mode(matrix.seed, kModeStream),
          m_columnFactor(columnFactors(matrix)) {}

    [[nodiscard]] double value(int64_t index) const {
        const auto n = static_cast<uint64_t>(index);
        switch (m_matrix.distribution) {
            case Distribution::Normal:
                return m_random.normal(n);
            case Distribution::Laplace:
                return laplace(m_random, n);
            case Distribution::StudentT:
                return studentT(m_random, n, m_matrix.degreesOfFreedom);
            case Distribution::Uniform:
                return 2 * m_random.uniform(n) - 1;
            case Distribution::Bimodal:
                return m_random.normal(n) + ((m_mode.bits(n) & 1) != 0 ? 1 : -1) * m_matrix.separation;
            case Distribution::OutlierChannels:
                return m_random.normal(n) * m_columnFactor[static_cast<size_t>(index % m_matrix.cols)];
        }
        return 0;
    }

 private:
    static std::vector<double> columnFactors(const SyntheticMatrix& matrix) {
        if (matrix.distribution != Distribution::OutlierChannels) return {};
        const CounterRandom random(matrix.seed, kChannelStream);
        std::vector<int64_t> order(static_cast<size_t>(matrix.cols));
        std::iota(order.begin(), order.end(), 0);
        const auto key = [&](int64_t col) { return std::pair(random.bits(static_cast<uint64_t>(col)), col); };
        std::sort(order.begin(), order.end(), [&](int64_t a, int64_t b) { return key(a) < key(b); });
        std::vector<double> factors(order.size(), 1);
        const size_t outliers = std::min(order.size(), static_cast<size_t>(matrix.outlierCount));
        for (size_t i = 0; i < outliers; ++i) factors[static_cast<size_t>(order[i])] = matrix.outlierFactor;
        return factors;
    }

    const SyntheticMatrix& m_matrix;
    CounterRandom m_random;
    CounterRandom m_mode;
    std::vector<double> m_columnFactor;
};

Status check(const SyntheticMatrix& matrix) {
    const auto bad = [](const char* field, const char* fix) {
        return fail(ErrorKind::InvalidArgument, "a synthetic matrix cannot have this value", field, fix);
    };
    const auto positive = [](double value) { return std::isfinite(value) && value > 0; };
    if (matrix.rows < 1 || matrix.rows > kMostElements) return bad("rows", "use 1 or more");
    if (matrix.cols < 1 || matrix.cols > kMostElements / matrix.rows)
        return bad("cols", "use 1 or more, at most 2^31 elements together");
    if (!positive(matrix.scale)) return bad("scale", "use a number above 0");
    // Below one half the tail leaves the range of a float.
    if (!(matrix.degreesOfFreedom >= 0.5) || !std::isfinite(matrix.degreesOfFreedom))
        return bad("nu", "use a number of 0.5 or more");
    if (!std::isfinite(matrix.separation)) return bad("separation", "use a finite number");
    if (matrix.outlierCount < 0) return bad("outliers", "use 0 or more");
    if (!std::isfinite(matrix.outlierFactor)) return bad("factor", "use a finite number");
    return {};
}

}  // namespace

Result<Tensor> generate(const SyntheticMatrix& matrix, const Job& job) {
    if (auto status = check(matrix); !status) return fail(status.error());
    const int64_t size = matrix.rows * matrix.cols;
    const Generator generator(matrix);
    std::vector<float> values(static_cast<size_t>(size));
    std::atomic<int64_t> done = 0;
    std::atomic<bool> stopped = false;
    constexpr int64_t kGrain = int64_t{1} << 16;
    parallelFor(size, kGrain, [&](int64_t begin, int64_t end) {
        if (stopped.load(std::memory_order_relaxed)) return;
        for (int64_t i = begin; i < end; ++i)
            values[static_cast<size_t>(i)] = static_cast<float>(matrix.scale * generator.value(i));
        const int64_t now = done.fetch_add(end - begin) + end - begin;
        if (!job.proceed(static_cast<double>(now) / static_cast<double>(size), "generating")) stopped = true;
    });
    if (stopped) return fail(ErrorKind::Cancelled, "stopped");
    return Tensor::fromFloats({matrix.rows, matrix.cols}, std::move(values));
}

}  // namespace quantscope
