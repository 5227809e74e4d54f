// SPDX-License-Identifier: Apache-2.0
#include "app/export/export_quantized.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <map>

#include "export/gguf_export.h"
#include "io/gguf_writer.h"
#include "io/safetensors_writer.h"
#include "methods/interface/quantize_layer.h"
#include "methods/interface/variant.h"
#include "quant/blocks/block_formats.h"
#include "quant/passes/to_float.h"

namespace quantscope {
namespace {

/// A tensor to quantize: its entry in the source, and the name that patterns of the variant see.
struct Chosen {
    TensorEntry entry;
    std::string layer;
    const Recipe* recipe = nullptr;
};

bool matchesAny(const std::vector<std::string>& patterns, const std::string& a, const std::string& b) {
    return std::any_of(patterns.begin(), patterns.end(), [&](const std::string& pattern) {
        return matchesPattern(pattern, a) || matchesPattern(pattern, b);
    });
}

/// Layer names by tensor name; empty for a file that is no language model.
std::map<std::string, std::string, std::less<>> layerNames(const ExportRequest& request,
                                                           SourceLibrary& sources) {
    std::map<std::string, std::string, std::less<>> names;
    const auto model = sources.model(request.source);
    if (!model) return names;
    for (const LinearInfo& linear : (*model)->linears()) {
        if (linear.block >= 0) names.emplace(linear.tensorName, linear.name);
    }
    return names;
}

Result<std::vector<Chosen>> choose(const ExportRequest& request, const Checkpoint& source,
                                   SourceLibrary& sources) {
    const auto layers = layerNames(request, sources);
    std::vector<Chosen> chosen;
    for (const TensorEntry& entry : source.tensors()) {
        if (entry.shape.size() != 2 || !entry.unsupportedType.empty()) continue;
        const auto layer = layers.find(entry.name);
        const std::string name = layer == layers.end() ? entry.name : layer->second;
        const bool wanted = request.tensors.empty() ? layers.empty() || layer != layers.end()
                                                    : matchesAny(request.tensors, entry.name, name);
        if (wanted) chosen.push_back({entry, name, &recipeFor(request.variant, name)});
    }
    if (chosen.empty())
        return fail(Error{ErrorKind::InvalidArgument, "no matrix of this file is chosen", request.source,
                          "tensors", "Give a pattern that fits the names 'inspect' lists"});
    return chosen;
}

Result<Tensor> loadFloat(const Checkpoint& source, const TensorEntry& entry) {
    const auto stored = source.load(entry.name);
    if (!stored) return fail(stored.error());
    return toFloat32(*stored);
}

Result<QuantizedTensor> quantizeTensor(const Checkpoint& source, const Chosen& chosen, const Job& job) {
    auto values = loadFloat(source, chosen.entry);
    if (!values) return fail(values.error());
    auto result = quantizeLayer({chosen.layer, std::move(*values)}, *chosen.recipe, job);
    if (!result) {
        Error error = result.error();
        if (error.field.empty()) error.field = chosen.entry.name;
        return fail(std::move(error));
    }
    if (!result->weight || (result->transform && result->transform->changesBasis())) {
        return fail(Error{ErrorKind::Unsupported,
                          "this format stores codes on an integer grid only",
                          {},
                          chosen.entry.name,
                          "Choose a method such as rtn or gptq without act-order"});
    }
    return std::move(*result->weight);
}

uint64_t hashOf(const Tensor& tensor) {
    const auto bytes = tensor.bytes();
    return std::hash<std::string_view>()({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

using Hashes = std::map<std::string, uint64_t>;

/// The same tensor, remembering a hash of its bytes when it is written.
OutputTensor remembering(OutputTensor tensor, const std::shared_ptr<Hashes>& hashes) {
    tensor.load = [load = std::move(tensor.load), hashes, name = tensor.entry.name] {
        auto made = load();
        if (made) (*hashes)[name] = hashOf(*made);
        return made;
    };
    return tensor;
}

/// Opens the file again and compares what was written.
Status verify(const std::filesystem::path& target, const Hashes& hashes) {
    const auto written = openCheckpoint(target);
    if (!written) return fail(written.error());
    for (const auto& [name, hash] : hashes) {
        const auto tensor = (*written)->load(name);
        if (!tensor) return fail(tensor.error());
        if (hashOf(*tensor) != hash)
            return fail(Error{ErrorKind::Malformed, "read back, this tensor differs from what was written",
                              target.string(), name, "Write it again, and check the disk"});
    }
    return {};
}

/// One export on its way.
class Export {
 public:
    Export(const ExportRequest& request, std::shared_ptr<const Checkpoint> source, std::vector<Chosen> chosen,
           const Job& job)
        : m_request(request), m_source(std::move(source)), m_chosen(std::move(chosen)), m_job(job) {}

    Status toGguf() {
        std::vector<OutputTensor> replaced;
        Metadata overrides = {{"general.quantization_version", uint64_t{2}},
                              {"quantscope.scheme", variantText(m_request.variant)}};
        for (const Chosen& chosen : m_chosen) {
            if (isLeftInFloat(chosen)) continue;
            const auto dtype = m_request.dequantizeTo ? m_request.dequantizeTo
                                                      : ggufTypeOf(*chosen.recipe, chosen.entry.shape.back());
            if (!dtype)
                return fail(
                    Error{ErrorKind::InvalidArgument,
                          fmt::format("GGUF has no block format for {}", schemeText(chosen.recipe->scheme)),
                          m_request.target.string(), "scheme",
                          "Use preset=q8_0, q4_0, q4_1, q5_0 or q5_1, q2_k to q6_k or iq4_nl, or write "
                          "dequantized values"});
            replaced.push_back(values(chosen, *dtype));
            if (const auto type = ggufFileType(*dtype)) overrides["general.file_type"] = *type;
        }
        m_quantized = std::ssize(replaced);
        if (auto status = rewriteGguf(m_request.target, *m_source, replaced, overrides, m_job.part(0, 0.9));
            !status)
            return status;
        return verify(m_request.target, *m_hashes);
    }

    Status toSafetensors() {
        std::map<std::string, std::string> metadata = {
            {"format", "pt"}, {"quantscope.variant", variantText(m_request.variant)}};
        std::vector<OutputTensor> tensors;
        for (const TensorEntry& entry : m_source->tensors()) {
            const Chosen* chosen = find(entry.name);
            const bool plain = chosen == nullptr || isLeftInFloat(*chosen);
            if (plain && !entry.unsupportedType.empty()) continue;
            if (plain) {
                tensors.push_back(kept(entry));
            } else if (m_request.dequantizeTo) {
                tensors.push_back(values(*chosen, *m_request.dequantizeTo));
            } else if (auto status = addCodes(*chosen, tensors, metadata); !status) {
                return status;
            }
            if (!plain) ++m_quantized;
        }
        if (auto status = writeSafetensors(m_request.target, tensors, metadata, m_job.part(0.8, 0.95));
            !status)
            return status;
        return verify(m_request.target, *m_hashes);
    }

    [[nodiscard]] int64_t quantized() const { return m_quantized; }

 private:
    /// A float recipe without a wish for another type changes nothing.
    bool isLeftInFloat(const Chosen& chosen) const {
        return chosen.recipe->scheme.isFloat() && !m_request.dequantizeTo;
    }
    const Chosen* find(const std::string& name) const {
        const auto it = std::find_if(m_chosen.begin(), m_chosen.end(),
                                     [&](const Chosen& chosen) { return chosen.entry.name == name; });
        return it == m_chosen.end() ? nullptr : &*it;
    }

    /// As stored; block types, which safetensors lacks, become F32.
    OutputTensor kept(const TensorEntry& entry) {
        OutputTensor tensor = outputTensor(m_source, entry);
        if (infoOf(entry.dtype).isBlock()) {
            tensor.entry.dtype = DType::F32;
            tensor.entry.bytes = bytesNeeded(DType::F32, entry.shape).value_or(0);
            tensor.load = [source = m_source, entry] { return loadFloat(*source, entry); };
        }
        return remembering(std::move(tensor), m_hashes);
    }

    /// Quantized values as floats, or encoded as the block type that the recipe's scheme is.
    OutputTensor values(const Chosen& chosen, DType dtype) {
        TensorEntry entry = chosen.entry;
        entry.dtype = dtype;
        entry.bytes = bytesNeeded(dtype, entry.shape).value_or(0);
        auto make = [source = m_source, chosen, dtype]() -> Result<Tensor> {
            auto floats = loadFloat(*source, chosen.entry);
            if (!floats) return floats;
            if (infoOf(dtype).isBlock())
                return encodeGguf({chosen.layer, *floats, {}, {}, {}}, *chosen.recipe);
            if (!chosen.recipe->scheme.isFloat()) {
                const auto quantized = quantizeTensor(*source, chosen, {});
                if (!quantized) return fail(quantized.error());
                floats = dequantize(*quantized);
            }
            return encodeBlocks(*floats, dtype).map_error([&](Error error) {
                if (error.field.empty()) error.field = chosen.entry.name;
                return error;
            });
        };
        return remembering({std::move(entry), std::move(make)}, m_hashes);
    }

    Status addCodes(const Chosen& chosen, std::vector<OutputTensor>& tensors,
                    std::map<std::string, std::string>& metadata) {
        const double done = static_cast<double>(m_quantized) / static_cast<double>(m_chosen.size());
        if (!m_job.proceed(0.8 * done, chosen.layer)) return fail(ErrorKind::Cancelled, "stopped");
        const auto quantized = quantizeTensor(*m_source, chosen, {});
        if (!quantized) return fail(quantized.error());
        const std::string& name = chosen.entry.name;
        const auto add = [&](const char* part, const Tensor& tensor) {
            tensors.push_back(remembering(outputTensor(name + part, tensor), m_hashes));
        };
        const Scheme& scheme = quantized->scheme();
        const GroupLayout& layout = quantized->layout();
        const auto& codes = quantized->packedCodes();
        add(".codes", Tensor::fromBytes(DType::U8, {layout.rows, quantized->bytesPerRow()}, codes));
        std::vector<float> scales;
        std::vector<float> zeros;
        for (const GroupParams& group : quantized->groups()) {
            scales.push_back(group.scale);
            zeros.push_back(group.zeroPoint);
        }
        const Shape groups = {layout.groupsDown(), layout.groupsAcross()};
        const DType stored = scheme.scaleFormat == ScaleFormat::F16    ? DType::F16
                             : scheme.scaleFormat == ScaleFormat::BF16 ? DType::BF16
                                                                       : DType::F32;
        // The scales were rounded to their format when they were chosen, so this loses nothing.
        const auto scaleTensor = encodeBlocks(Tensor::fromFloats(groups, std::move(scales)), stored);
        if (!scaleTensor) return fail(scaleTensor.error());
        add(".scales", *scaleTensor);
        if (scheme.mapping == Mapping::Affine) {
            const bool integer = scheme.zeroPointDomain == ZeroPointDomain::Integer;
            const bool minimum = scheme.zeroPointDomain == ZeroPointDomain::Minimum;
            const Tensor plain = Tensor::fromFloats(groups, std::move(zeros));
            const auto zeroTensor = integer ? integers(plain) : encodeBlocks(plain, stored);
            if (!zeroTensor) return fail(zeroTensor.error());
            add(minimum ? ".minima" : ".zero_points", *zeroTensor);
        }
        metadata["quantscope." + name] =
            fmt::format("{} shape={}x{} group={}x{}", schemeText(scheme), layout.rows, layout.cols,
                        layout.blockRows, layout.blockCols);
        return {};
    }

    static Result<Tensor> integers(const Tensor& floats) {
        std::vector<std::byte> bytes(floats.floats().size() * sizeof(int32_t));
        auto* out = bytes.data();
        for (const float value : floats.floats()) {
            const auto integer = static_cast<int32_t>(value);
            out = std::copy_n(reinterpret_cast<const std::byte*>(&integer), sizeof(integer), out);
        }
        return Tensor::fromBytes(DType::I32, floats.shape(), std::move(bytes));
    }

    const ExportRequest& m_request;
    std::shared_ptr<const Checkpoint> m_source;
    std::vector<Chosen> m_chosen;
    const Job& m_job;
    std::shared_ptr<Hashes> m_hashes = std::make_shared<Hashes>();
    int64_t m_quantized = 0;
};

ExportSummary summaryOf(const Checkpoint& source, const Checkpoint& target, int64_t quantized) {
    ExportSummary summary;
    summary.tensors = std::ssize(target.tensors());
    summary.quantized = quantized;
    for (const TensorEntry& entry : source.tensors()) summary.sourceBytes += entry.bytes;
    for (const TensorEntry& entry : target.tensors()) summary.targetBytes += entry.bytes;
    return summary;
}

}  // namespace

Result<ExportSummary> exportQuantized(const ExportRequest& request, SourceLibrary& sources, const Job& job) {
    const std::string extension = request.target.extension().string();
    if (extension != ".gguf" && extension != ".safetensors")
        return fail(Error{ErrorKind::InvalidArgument, "the name ends neither in .gguf nor in .safetensors",
                          request.target.string(), "target", "Choose one of the two"});
    if (request.dequantizeTo &&
        (infoOf(*request.dequantizeTo).isBlock() || !infoOf(*request.dequantizeTo).isFloat))
        return fail(ErrorKind::InvalidArgument, "values are written as F32, F16 or BF16", "dequantize",
                    "Use F16");
    const auto source = sources.checkpoint(request.source);
    if (!source) return fail(source.error());
    auto chosen = choose(request, **source, sources);
    if (!chosen) return fail(chosen.error());
    Export task(request, *source, std::move(*chosen), job);
    const Status status = extension == ".gguf" ? task.toGguf() : task.toSafetensors();
    if (!status) return fail(inFile(status.error(), request.source));
    const auto written = openCheckpoint(request.target);
    if (!written) return fail(written.error());
    return summaryOf(**source, **written, task.quantized());
}

}  // namespace quantscope
