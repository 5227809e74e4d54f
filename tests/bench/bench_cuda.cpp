// SPDX-License-Identifier: Apache-2.0
// Int8 products on a CUDA device beside cuBLASLt's (integer tensor cores, INT8 in, INT32 out), taking turns,
// weights there beforehand; then the 4-bit product of one row. Where there is no device it says why and ends
// well.
#include <cublasLt.h>
#include <cuda_runtime_api.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <random>
#include <vector>

#include "kernels/cuda/cuda_backend.h"

namespace {

using namespace quantscope;

constexpr int kRepeats = 5;
constexpr int kLaunches = 50;

struct Shape {
    int64_t m, n, k;
    [[nodiscard]] double gops(double seconds) const {
        return 2.0 * static_cast<double>(m * n) * static_cast<double>(k) / seconds / 1e9;
    }
};

double median(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    return values[values.size() / 2];
}

template <class T>
std::vector<T> randomCodes(int64_t count) {
    std::mt19937 random(1);
    std::vector<T> codes(static_cast<size_t>(count));
    for (T& code : codes) code = static_cast<T>(random());
    return codes;
}

/// Ends the program with the call's name where CUDA or cuBLASLt fails: a benchmark has nothing to fall back
/// to.
void require(bool good, const char* call) {
    if (good) return;
    fmt::print(stderr, "{} failed\n", call);
    std::exit(1);
}

struct FreeDevice {
    void operator()(void* p) const { (void)cudaFree(p); }
};
using DeviceBytes = std::unique_ptr<void, FreeDevice>;

DeviceBytes onDevice(int64_t bytes, const void* from) {
    void* p = nullptr;
    require(cudaMalloc(&p, static_cast<size_t>(bytes)) == cudaSuccess, "cudaMalloc");
    if (from != nullptr) {
        require(cudaMemcpy(p, from, static_cast<size_t>(bytes), cudaMemcpyHostToDevice) == cudaSuccess,
                "cudaMemcpy");
    }
    return DeviceBytes(p);
}

/// cuBLASLt's product of the same operands. It counts by columns: Y [m x n] by rows is Y^T [n x m] by
/// columns, so its A is W^T (stored as W, transposed), its B is X^T (stored as X).
class Peer {
 public:
    Peer(const Shape& shape, const int8_t* x, const int8_t* w)
        : m_shape(shape),
          m_x(onDevice(shape.m * shape.k, x)),
          m_w(onDevice(shape.n * shape.k, w)),
          m_y(onDevice(4 * shape.m * shape.n, nullptr)),
          m_workspace(onDevice(kWorkspace, nullptr)) {
        require(cublasLtCreate(&m_library) == CUBLAS_STATUS_SUCCESS, "cublasLtCreate");
        require(cublasLtMatmulDescCreate(&m_product, CUBLAS_COMPUTE_32I, CUDA_R_32I) == CUBLAS_STATUS_SUCCESS,
                "cublasLtMatmulDescCreate");
        const cublasOperation_t transposed = CUBLAS_OP_T;
        require(cublasLtMatmulDescSetAttribute(m_product, CUBLASLT_MATMUL_DESC_TRANSA, &transposed,
                                               sizeof transposed) == CUBLAS_STATUS_SUCCESS,
                "cublasLtMatmulDescSetAttribute");
        m_wLayout = layout(CUDA_R_8I, shape.k, shape.n);
        m_xLayout = layout(CUDA_R_8I, shape.k, shape.m);
        m_yLayout = layout(CUDA_R_32I, shape.n, shape.m);
        m_found = find();
        require(cudaEventCreate(&m_begin) == cudaSuccess && cudaEventCreate(&m_end) == cudaSuccess,
                "cudaEventCreate");
    }
    Peer(const Peer&) = delete;
    Peer& operator=(const Peer&) = delete;
    ~Peer() {
        (void)cudaEventDestroy(m_begin);
        (void)cudaEventDestroy(m_end);
        for (cublasLtMatrixLayout_t each : {m_wLayout, m_xLayout, m_yLayout})
            (void)cublasLtMatrixLayoutDestroy(each);
        (void)cublasLtMatmulDescDestroy(m_product);
        (void)cublasLtDestroy(m_library);
    }

    /// False where it has no kernel for the shape.
    [[nodiscard]] bool runs() const { return m_found; }

    double secondsALaunch() {
        launch();
        require(cudaEventRecord(m_begin) == cudaSuccess, "cudaEventRecord");
        for (int i = 0; i < kLaunches; ++i) launch();
        require(cudaEventRecord(m_end) == cudaSuccess, "cudaEventRecord");
        require(cudaEventSynchronize(m_end) == cudaSuccess, "cudaEventSynchronize");
        float milliseconds = 0;
        require(cudaEventElapsedTime(&milliseconds, m_begin, m_end) == cudaSuccess, "cudaEventElapsedTime");
        return 1e-3 * static_cast<double>(milliseconds) / kLaunches;
    }

    [[nodiscard]] std::vector<int32_t> sums() const {
        std::vector<int32_t> y(static_cast<size_t>(m_shape.m * m_shape.n));
        require(cudaMemcpy(y.data(), m_y.get(), 4 * y.size(), cudaMemcpyDeviceToHost) == cudaSuccess,
                "cudaMemcpy");
        return y;
    }

 private:
    static constexpr int64_t kWorkspace = int64_t{32} << 20;

    static cublasLtMatrixLayout_t layout(cudaDataType type, int64_t rows, int64_t columns) {
        cublasLtMatrixLayout_t made = nullptr;
        require(cublasLtMatrixLayoutCreate(&made, type, static_cast<uint64_t>(rows),
                                           static_cast<uint64_t>(columns), rows) == CUBLAS_STATUS_SUCCESS,
                "cublasLtMatrixLayoutCreate");
        return made;
    }

    bool find() {
        cublasLtMatmulPreference_t preference = nullptr;
        require(cublasLtMatmulPreferenceCreate(&preference) == CUBLAS_STATUS_SUCCESS,
                "cublasLtMatmulPreferenceCreate");
        const auto bytes = static_cast<size_t>(kWorkspace);
        require(cublasLtMatmulPreferenceSetAttribute(preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES,
                                                     &bytes, sizeof bytes) == CUBLAS_STATUS_SUCCESS,
                "cublasLtMatmulPreferenceSetAttribute");
        int count = 0;
        const cublasStatus_t status = cublasLtMatmulAlgoGetHeuristic(
            m_library, m_product, m_wLayout, m_xLayout, m_yLayout, m_yLayout, preference, 1, &m_best, &count);
        (void)cublasLtMatmulPreferenceDestroy(preference);
        return status == CUBLAS_STATUS_SUCCESS && count > 0;
    }

    void launch() {
        const int32_t one = 1, none = 0;
        require(cublasLtMatmul(m_library, m_product, &one, m_w.get(), m_wLayout, m_x.get(), m_xLayout, &none,
                               m_y.get(), m_yLayout, m_y.get(), m_yLayout, &m_best.algo, m_workspace.get(),
                               static_cast<size_t>(kWorkspace), nullptr) == CUBLAS_STATUS_SUCCESS,
                "cublasLtMatmul");
    }

    Shape m_shape;
    DeviceBytes m_x, m_w, m_y, m_workspace;
    cublasLtHandle_t m_library = nullptr;
    cublasLtMatmulDesc_t m_product = nullptr;
    cublasLtMatrixLayout_t m_wLayout = nullptr;
    cublasLtMatrixLayout_t m_xLayout = nullptr;
    cublasLtMatrixLayout_t m_yLayout = nullptr;
    cublasLtMatmulHeuristicResult_t m_best{};
    cudaEvent_t m_begin = nullptr;
    cudaEvent_t m_end = nullptr;
    bool m_found = false;
};

/// The ratio to the peer, 0 where there is none.
Result<double> compare(const CudaDevice& device, const Shape& shape) {
    const auto x = randomCodes<int8_t>(shape.m * shape.k);
    const auto w = randomCodes<int8_t>(shape.n * shape.k);
    const auto weights = CudaInt8Weights::upload(device, w.data(), shape.n, shape.k);
    if (!weights) return fail(weights.error());
    std::vector<int32_t> y(static_cast<size_t>(shape.m * shape.n));
    const CodeView codes = CodeView::of(x.data(), shape.m, shape.k);
    Peer peer(shape, x.data(), w.data());
    std::vector<double> ours, theirs, whole;
    for (int repeat = 0; repeat < kRepeats; ++repeat) {
        CudaTiming timing{.launches = kLaunches};
        if (auto status = multiplyInt8(device, codes, *weights, y.data(), 0, &timing); !status)
            return fail(status.error());
        ours.push_back(timing.kernelSeconds);
        whole.push_back(timing.totalSeconds);
        if (peer.runs()) theirs.push_back(peer.secondsALaunch());
    }
    const double ratio = theirs.empty() ? 0 : median(theirs) / median(ours);
    fmt::print("{:>5} x {:>5} x {:>5} {:>12.0f} {:>12.0f} {:>8.2f} {:>16.0f}  {}\n", shape.m, shape.n,
               shape.k, shape.gops(median(ours)), theirs.empty() ? 0 : shape.gops(median(theirs)), ratio,
               shape.gops(median(whole)),
               theirs.empty()     ? "no peer"
               : y == peer.sums() ? "equal"
                                  : "DIFFERENT");
    return ratio;
}

Status int8Products(const CudaDevice& device) {
    constexpr std::array<std::pair<int64_t, int64_t>, 6> kWeights = {
        {{576, 576}, {1536, 576}, {576, 1536}, {2048, 2048}, {4096, 4096}, {49152, 576}}};
    fmt::print("    m x     n x     k    ours GOPS  cuBLASLt GOPS  ratio  with transfer GOPS\n");
    double logs = 0;
    int count = 0;
    for (const int64_t m : {1, 16, 128, 512, 4096}) {
        for (const auto& [n, k] : kWeights) {
            const auto ratio = compare(device, {m, n, k});
            if (!ratio) return fail(ratio.error());
            if (*ratio <= 0) continue;
            logs += std::log(*ratio);
            ++count;
        }
    }
    if (count > 0)
        fmt::print("geometric mean of {} shapes: {:.2f} of cuBLASLt\n", count, std::exp(logs / count));
    return {};
}

Status int4Rows(const CudaDevice& device) {
    for (const auto& [n, k] : {std::pair<int64_t, int64_t>{4096, 4096}, {49152, 576}, {16384, 8192}}) {
        auto codes = randomCodes<uint8_t>(n * k);
        for (uint8_t& code : codes) code %= 16;
        const std::vector<float> scales(static_cast<size_t>(n * ((k + 63) / 64)), 0.01F);
        const auto weights =
            CudaInt4Weights::upload(device, {codes.data(), n, k, 64, scales.data(), nullptr});
        if (!weights) return fail(weights.error());
        const std::vector<float> x(static_cast<size_t>(k), 0.5F);
        std::vector<float> y(static_cast<size_t>(n));
        CudaTiming timing{.launches = kLaunches};
        const MatrixView row{x.data(), 1, k, k};
        if (auto status = multiplyInt4(device, row, *weights, y.data(), 0, nullptr, &timing); !status)
            return status;
        const double bytes = static_cast<double>(n * k) / 2 + 4.0 * static_cast<double>(scales.size());
        fmt::print("W4A16, 1 x {} x {}, group 64: {:.1f} microseconds, {:.0f} GB/s\n", n, k,
                   1e6 * timing.kernelSeconds, bytes / timing.kernelSeconds / 1e9);
    }
    return {};
}

}  // namespace

int main() {
    const auto device = CudaDevice::open(0);
    if (!device) {
        fmt::print("skipped, no device: {}\n", describe(device.error()));
        return 0;
    }
    fmt::print("{}\n", describe(device->info()));
    for (auto* const part : {int8Products, int4Rows}) {
        if (const Status status = part(*device); !status) {
            fmt::print(stderr, "{}\n", describe(status.error()));
            return 1;
        }
    }
    return 0;
}
