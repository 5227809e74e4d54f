// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/random.h"
#include "tensor/tensor.h"

namespace quantscope {

/// out[i * b.rows + j] = sum_k a[i][k] b[j][k]: the matrix product a method runs on.
/// Injected, because methods lie below the kernels; see linear_algebra.h for the plain one.
using MatrixProduct = void (*)(const MatrixView& a, const MatrixView& b, float* out, void* context);
struct ProductFunction {
    MatrixProduct function = nullptr;  ///< null = linear_algebra's own
    void* context = nullptr;
    void operator()(const MatrixView& a, const MatrixView& b, float* out) const;
};

/// What a method has worked out for one input and the other readers of that input can use: a factorization, a
/// scale search. Safe to use from several threads.
class SharedResults {
 public:
    template <class T>
    std::shared_ptr<const T> find(const std::string& key) const {
        const std::lock_guard lock(m_mutex);
        const auto found = m_results.find(key);
        return found == m_results.end() ? nullptr : std::static_pointer_cast<const T>(found->second);
    }
    void put(const std::string& key, std::shared_ptr<const void> result) {
        const std::lock_guard lock(m_mutex);
        m_results[key] = std::move(result);
    }

 private:
    mutable std::mutex m_mutex;
    std::map<std::string, std::shared_ptr<const void>> m_results;
};

/// What is known of a linear layer's inputs x [tokens x in] over a calibration text. Layers that read the
/// same input share one. All of it is streamed: its size depends on `in` and the sample's bound alone.
struct CalibrationStatistics {
    int64_t channels = 0;
    int64_t tokens = 0;              ///< rows that entered, without the rejected ones
    int64_t rejectedRows = 0;        ///< rows with NaN or infinity; left out of everything
    std::vector<float> absMax;       ///< max |x_j|
    std::vector<float> minimum;      ///< min x_j
    std::vector<float> maximum;      ///< max x_j
    std::vector<double> meanAbs;     ///< mean |x_j|
    std::vector<double> meanSquare;  ///< mean x_j^2
    /// X^T X / tokens, row-major [in x in], symmetric; empty if it was not asked for.
    std::vector<float> hessian;
    /// A seeded uniform sample of the rows, in running order [rows x in].
    Tensor sample;
    std::shared_ptr<SharedResults> shared = std::make_shared<SharedResults>();
};

/// Gathers CalibrationStatistics from any number of matrices, in the order they come. Deterministic for any
/// number of threads; memory: one double [in x in] and the sample.
class CalibrationCollector {
 public:
    struct Request {
        bool hessian = true;
        int64_t sampleRows = 512;
        uint64_t seed = 0;
    };
    CalibrationCollector(int64_t channels, Request request);

    void add(const MatrixView& inputs);
    [[nodiscard]] CalibrationStatistics finish() const;

 private:
    void addMoments(const MatrixView& inputs);
    void addSample(const MatrixView& inputs);

    Request m_request;
    CalibrationStatistics m_sums;
    std::vector<double> m_hessian;
    std::vector<float> m_sample;          ///< reservoir, rows in slots
    std::vector<int64_t> m_sampleTokens;  ///< which token lies in each slot
    std::vector<float> m_panels;
    std::vector<float> m_clean;
};

}  // namespace quantscope
