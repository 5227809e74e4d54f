// SPDX-License-Identifier: Apache-2.0
#include "model/calibration/saved_calibration.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "io/safetensors_writer.h"
#include "model/weights/fingerprint.h"
#include "quant/blocks/block_pass.h"

namespace quantscope {
namespace {

constexpr const char* kFormat = "quantscope calibration 1";

std::string inputName(const LinearInfo& layer) {
    return fmt::format("blk.{}.{}", layer.block, layer.inputName);
}

template <class T>
Tensor tensorOf(DType dtype, const Shape& shape, std::span<const T> values) {
    const auto bytes = std::as_bytes(values);
    return Tensor::fromBytes(dtype, shape, {bytes.begin(), bytes.end()});
}

/// The sample with rows of zeros up to its bound: the header promises a shape before the text has run.
Tensor paddedSample(const Tensor& sample, int64_t rows, int64_t width) {
    std::vector<float> values(sample.floats().begin(), sample.floats().end());
    values.resize(static_cast<size_t>(rows * width));
    return Tensor::fromFloats({rows, width}, std::move(values));
}

/// Lists what will be written; each tensor asks the calibration when its turn comes.
class Writer {
 public:
    Writer(Calibration& calibration, const Job& job) : m_calibration(calibration), m_job(job) {}

    void addInput(const LinearInfo& layer) {
        const std::string name = inputName(layer) + ".";
        const int64_t width = layer.inFeatures;
        const CalibrationOptions& options = m_calibration.options();
        const int64_t rows = std::min(options.sampleRows, static_cast<int64_t>(options.tokens.size()));
        add(layer, name + "counts", DType::I64, {3}, [](const CalibrationStatistics& s) {
            const std::array<int64_t, 3> counts = {s.tokens, s.rejectedRows, s.sample.rows()};
            return tensorOf<int64_t>(DType::I64, {3}, counts);
        });
        addVector<double>(layer, name + "mean_abs", DType::F64, &CalibrationStatistics::meanAbs);
        addVector<double>(layer, name + "mean_square", DType::F64, &CalibrationStatistics::meanSquare);
        addVector<float>(layer, name + "abs_max", DType::F32, &CalibrationStatistics::absMax);
        addVector<float>(layer, name + "minimum", DType::F32, &CalibrationStatistics::minimum);
        addVector<float>(layer, name + "maximum", DType::F32, &CalibrationStatistics::maximum);
        add(layer, name + "sample", DType::F32, {rows, width},
            [rows, width](const CalibrationStatistics& s) { return paddedSample(s.sample, rows, width); });
        if (!options.hessian) return;
        add(layer, name + "hessian", DType::F32, {width, width}, [width](const CalibrationStatistics& s) {
            return tensorOf<float>(DType::F32, {width, width}, s.hessian);
        });
    }
    [[nodiscard]] const std::vector<OutputTensor>& tensors() const { return m_tensors; }

 private:
    using Make = std::function<Tensor(const CalibrationStatistics&)>;
    void add(const LinearInfo& layer, std::string name, DType dtype, Shape shape, Make make) {
        const uint64_t bytes = bytesNeeded(dtype, shape).value_or(0);
        m_tensors.push_back({{std::move(name), dtype, std::move(shape), bytes, {}},
                             [this, &layer, make = std::move(make)]() -> Result<Tensor> {
                                 const auto seen = m_calibration.statistics(layer, m_job);
                                 if (!seen) return fail(seen.error());
                                 return make(**seen);
                             }});
    }
    template <class T>
    void addVector(const LinearInfo& layer, const std::string& name, DType dtype,
                   std::vector<T> CalibrationStatistics::*values) {
        add(layer, name, dtype, {layer.inFeatures}, [dtype, values](const CalibrationStatistics& s) {
            return tensorOf<T>(dtype, {s.channels}, s.*values);
        });
    }

    Calibration& m_calibration;
    const Job& m_job;
    std::vector<OutputTensor> m_tensors;
};

std::string metadataOf(const Checkpoint& file, std::string_view key) {
    const auto found = file.metadata().find(key);
    if (found == file.metadata().end()) return {};
    const auto* text = std::get_if<std::string>(&found->second);
    return text != nullptr ? *text : std::string();
}

/// A vector of the file, every element finite and, where it is a magnitude, not negative.
template <class T>
Status readVector(const Result<Tensor>& from, bool magnitudes, std::vector<T>& to) {
    if (!from) return fail(from.error());
    const auto values = from->as<T>();
    to.assign(values.begin(), values.end());
    const bool good = std::ranges::all_of(
        to, [&](T value) { return std::isfinite(value) && (!magnitudes || value >= T{0}); });
    if (good) return {};
    return fail(ErrorKind::Malformed, "holds NaN, infinity or a negative magnitude");
}

}  // namespace

Status saveCalibration(Calibration& calibration, const Model& model, const std::filesystem::path& target,
                       const Job& job) {
    const CalibrationOptions& options = calibration.options();
    const auto fingerprint = modelFingerprint(model);
    if (!fingerprint) return fail(fingerprint.error());
    Writer writer(calibration, job);
    for (const LinearInfo& layer : model.linears())
        if (layer.block >= 0 && layer.firstReader) writer.addInput(layer);
    return writeSafetensors(target, writer.tensors(),
                            {{"format", kFormat},
                             {"model", *fingerprint},
                             {"text", textFingerprint(options.tokens, options.window)},
                             {"window", std::to_string(options.window)}},
                            job.quiet());
}

Result<std::shared_ptr<SavedCalibration>> SavedCalibration::open(std::shared_ptr<const Checkpoint> file,
                                                                 const Model& model,
                                                                 std::optional<CalibrationOptions> text) {
    const auto own = modelFingerprint(model);
    if (!own) return fail(own.error());
    return open(std::move(file), *own, std::move(text));
}

Result<std::shared_ptr<SavedCalibration>> SavedCalibration::open(std::shared_ptr<const Checkpoint> file,
                                                                 const std::string& modelFingerprint,
                                                                 std::optional<CalibrationOptions> text) {
    const auto refuse = [&](ErrorKind kind, std::string message, std::string field, std::string fix) {
        Error error{kind, std::move(message), file->path().string(), std::move(field), std::move(fix)};
        return tl::unexpected<Error>(std::move(error));
    };
    if (metadataOf(*file, "format") != kFormat) {
        return refuse(ErrorKind::Malformed, fmt::format("is not '{}'", kFormat), "format",
                      "save one with --save-calibration");
    }
    const std::string stored = metadataOf(*file, "model");
    if (stored != modelFingerprint) {
        return refuse(
            ErrorKind::InvalidArgument,
            fmt::format("it was gathered from another model ({}, this one is {})", stored, modelFingerprint),
            "model", "calibrate with this model");
    }
    auto result = std::make_shared<SavedCalibration>();
    result->m_fingerprint = metadataOf(*file, "text");
    if (text && textFingerprint(text->tokens, text->window) != result->m_fingerprint) {
        return refuse(ErrorKind::InvalidArgument,
                      "it was gathered from another text, or from more or less of it", "text",
                      "leave the calibration text out, or calibrate again");
    }
    result->m_file = std::move(file);
    result->m_text = std::move(text);
    return result;
}

Result<Tensor> SavedCalibration::field(const std::string& input, const char* name, DType dtype,
                                       const Shape& shape) const {
    const std::string full = input + "." + name;
    const TensorEntry* entry = m_file->find(full);
    if (entry == nullptr) return fail(ErrorKind::Malformed, "is missing", full);
    if (entry->dtype != dtype || entry->shape != shape) {
        return fail(ErrorKind::Malformed,
                    fmt::format("is {} of {} instead of {} of {}", describe(entry->shape),
                                infoOf(entry->dtype).name, describe(shape), infoOf(dtype).name),
                    full);
    }
    return m_file->load(full);
}

Result<CalibrationStatistics> SavedCalibration::read(const std::string& input, int64_t width) const {
    CalibrationStatistics s;
    s.channels = width;
    const auto counts = field(input, "counts", DType::I64, {3});
    if (!counts) return fail(counts.error());
    const auto numbers = counts->as<int64_t>();
    const TensorEntry* sample = m_file->find(input + ".sample");
    const int64_t rows = sample != nullptr && !sample->shape.empty() ? sample->shape[0] : 0;
    if (std::ranges::any_of(numbers, [](int64_t n) { return n < 0; }) || numbers[2] > rows ||
        numbers[2] > numbers[0])
        return fail(ErrorKind::Malformed, "holds impossible counts", input + ".counts");
    s.tokens = numbers[0];
    s.rejectedRows = numbers[1];
    const auto vector = [&]<class T>(const char* name, DType dtype, bool magnitudes, std::vector<T>& to) {
        Status done = readVector<T>(field(input, name, dtype, {width}), magnitudes, to);
        if (!done && done.error().field.empty()) done.error().field = input + "." + name;
        return done;
    };
    for (const Status& done :
         {vector("abs_max", DType::F32, true, s.absMax), vector("minimum", DType::F32, false, s.minimum),
          vector("maximum", DType::F32, false, s.maximum), vector("mean_abs", DType::F64, true, s.meanAbs),
          vector("mean_square", DType::F64, true, s.meanSquare)})
        if (!done) return fail(done.error());
    const auto kept = field(input, "sample", DType::F32, {rows, width});
    if (!kept) return fail(kept.error());
    const auto filled = kept->floats().first(static_cast<size_t>(numbers[2] * width));
    if (firstNonFinite(filled.data(), static_cast<int64_t>(filled.size())) >= 0)
        return fail(ErrorKind::Malformed, "holds NaN or infinity", input + ".sample");
    s.sample = Tensor::fromFloats({numbers[2], width}, {filled.begin(), filled.end()});
    if (m_file->find(input + ".hessian") == nullptr) return s;
    const auto hessian = field(input, "hessian", DType::F32, {width, width});
    if (!hessian) return fail(hessian.error());
    s.hessian.assign(hessian->floats().begin(), hessian->floats().end());
    if (firstNonFinite(s.hessian.data(), static_cast<int64_t>(s.hessian.size())) >= 0)
        return fail(ErrorKind::Malformed, "holds NaN or infinity", input + ".hessian");
    return s;
}

Result<std::shared_ptr<const CalibrationStatistics>> SavedCalibration::statistics(const LinearInfo& layer,
                                                                                  const Job&) {
    if (layer.block < 0) return fail(outsideCalibration(layer));
    if (layer.block != m_block) m_statistics = {};
    m_block = layer.block;
    const auto point = static_cast<size_t>(layer.inputPoint);
    m_statistics.resize(std::max(m_statistics.size(), point + 1));
    auto& known = m_statistics[point];
    if (known) return known;
    auto made = read(inputName(layer), layer.inFeatures);
    if (!made) return fail(inFile(made.error(), m_file->path().string()));
    known = std::make_shared<const CalibrationStatistics>(std::move(*made));
    return known;
}

}  // namespace quantscope
