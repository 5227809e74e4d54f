// SPDX-License-Identifier: Apache-2.0
#include "model/calibration/calibration.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>

#include "base/out_of_memory.h"
#include "model/forward/block_operators.h"
#include "model/forward/embedding.h"
#include "model/weights/fingerprint.h"
#include "numerics/linear_algebra.h"

namespace quantscope {
namespace {

uint64_t bytesOf(const CalibrationStatistics& s) {
    return sizeof(float) * (s.hessian.size() + static_cast<size_t>(s.sample.size()) + 3 * s.absMax.size()) +
           sizeof(double) * 2 * s.meanAbs.size();
}

}  // namespace

ProductFunction productOf(const FloatGemm& gemm) {
    return {[](const MatrixView& a, const MatrixView& b, float* out, void* context) {
                const auto& product = *static_cast<const FloatGemm*>(context);
                const auto packed = FloatGemm::pack(b);
                if (packed)
                    product.multiply(a, *packed, out);
                else
                    multiplyTransposed(a, b, out);
            },
            const_cast<FloatGemm*>(&gemm)};
}

void CalibrationCollectors::see(const LinearInfo& layer, TapPoint point, const MatrixView& values) {
    if (point != TapPoint::Input || !layer.firstReader) return;
    auto& collector = m_points[static_cast<size_t>(layer.inputPoint)];
    if (!collector) collector.emplace(values.cols, m_request);
    collector->add(values);
}

void CalibrationCollectors::finish(BlockStatistics& statistics) const {
    assert(statistics.size() == m_points.size());
    for (size_t point = 0; point < statistics.size(); ++point)
        if (m_points[point])
            statistics[point] = std::make_shared<const CalibrationStatistics>(m_points[point]->finish());
}

Status checkCalibrationText(const Model& model, const CalibrationOptions& options) {
    if (options.tokens.empty() || options.window < 1) {
        return fail(ErrorKind::InvalidArgument, "the calibration text has no tokens", "calibration",
                    "use a longer text");
    }
    return checkTokens(model, options.tokens);
}

Error outsideCalibration(const LinearInfo& layer) {
    return {ErrorKind::Unsupported,
            fmt::format("{}: calibration covers the layers of the blocks", layer.name),
            {},
            "calibration",
            "choose a method without calibration for this layer"};
}

Calibration::Calibration(const Model& model, const KernelTable& kernels, CalibrationOptions options)
    : m_model(model), m_kernels(kernels), m_options(std::move(options)) {}
Calibration::~Calibration() = default;

std::string Calibration::fingerprint() const {
    return textFingerprint(m_options.tokens, m_options.window);
}

Status Calibration::start(const Job& job) {
    const auto count = static_cast<int64_t>(m_options.tokens.size());
    if (Status valid = checkCalibrationText(m_model, m_options); !valid) return valid;
    auto rotary = makeRotary(m_model, std::min(m_options.window, count));
    if (!rotary) return fail(rotary.error());
    auto embedding = Embedding::open(m_model, floatRecipe(), m_kernels, job.quiet());
    if (!embedding) return fail(embedding.error());
    m_rotary = std::move(*rotary);
    resizeFor(m_hidden, static_cast<size_t>(count * m_model.config().hidden),
              "the hidden states of the calibration text");
    embedding->look(m_options.tokens, m_hidden.data());
    m_runner = std::make_unique<BlockRunner>(m_model.config(), m_kernels);
    m_next = 0;
    return {};
}

Status Calibration::runBlock(const Job& job) {
    const int64_t width = m_model.config().hidden;
    const auto count = static_cast<int64_t>(m_options.tokens.size());
    auto operators = makeFloatBlock(m_model, m_kernels, m_next, job.quiet());
    if (!operators) return fail(operators.error());
    CalibrationCollectors collectors(m_options, m_model.inputPoints(m_next).size());
    const Tap tap = [&](const LinearInfo& layer, TapPoint point, const MatrixView& values) {
        collectors.see(layer, point, values);
    };
    for (int64_t begin = 0; begin < count; begin += m_options.window) {
        const double fraction =
            (static_cast<double>(m_next) + static_cast<double>(begin) / static_cast<double>(count)) /
            static_cast<double>(m_model.config().blocks);
        if (!job.proceed(fraction, fmt::format("calibration, block {}", m_next + 1))) {
            m_next = -1;  // some windows have moved on, others have not
            return fail(ErrorKind::Cancelled, "the calibration was stopped");
        }
        Status done =
            m_runner->run(*operators, m_model.blockLinears(m_next), *m_rotary,
                          m_hidden.data() + begin * width, std::min(m_options.window, count - begin), tap);
        if (!done) return done;
    }
    BlockStatistics statistics(m_model.inputPoints(m_next).size());
    collectors.finish(statistics);
    keep(m_next, std::move(statistics));
    ++m_next;
    return {};
}

void Calibration::keep(int64_t block, BlockStatistics statistics) {
    const auto bytes = [](const BlockStatistics& all) {
        uint64_t sum = 0;
        for (const auto& one : all) sum += one ? bytesOf(*one) : 0;
        return sum;
    };
    m_bytes += bytes(statistics);
    m_kept.emplace_back(block, std::move(statistics));
    while (m_bytes > m_options.maxBytes && m_kept.size() > 1) {
        m_bytes -= bytes(m_kept.front().second);
        m_kept.pop_front();
    }
}

const BlockStatistics* Calibration::find(int64_t block) const {
    for (const auto& [kept, statistics] : m_kept)
        if (kept == block) return &statistics;
    return nullptr;
}

Result<std::shared_ptr<const CalibrationStatistics>> Calibration::statistics(const LinearInfo& layer,
                                                                             const Job& job) {
    if (layer.block < 0) return fail(outsideCalibration(layer));
    const auto point = static_cast<size_t>(layer.inputPoint);
    if (const BlockStatistics* kept = find(layer.block)) return (*kept)[point];
    if (m_next < 0 || m_next > layer.block) {
        if (Status started = start(job); !started) return fail(started.error());
    }
    while (m_next <= layer.block) {
        if (Status done = runBlock(job); !done) return fail(done.error());
    }
    return (*find(layer.block))[point];
}

}  // namespace quantscope
