// SPDX-License-Identifier: Apache-2.0
#include "export/packed_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "export/packed_parts.h"
#include "io/checkpoint_table.h"
#include "io/json_input.h"
#include "io/metadata.h"
#include "quant/passes/to_float.h"

namespace quantscope {
namespace {

/// The module a tensor belongs to, if its name and type say that it is the mark of a family.
std::optional<PackedModule> moduleMarkedBy(const Checkpoint& checkpoint, const TensorEntry& entry) {
    const auto before = [&](std::string_view suffix) {
        return entry.name.substr(0, entry.name.size() - suffix.size());
    };
    if (entry.name.ends_with(".qweight")) return PackedModule{before(".qweight"), PackedFamily::Words};
    if (entry.name.ends_with(".weight_packed"))
        return PackedModule{before(".weight_packed"),
                            entry.dtype == DType::I32 ? PackedFamily::Packed : PackedFamily::Fp4};
    if (entry.name.ends_with(".weight.absmax"))
        return PackedModule{before(".weight.absmax"), PackedFamily::Codebook};
    if (entry.name.ends_with(".SCB")) return PackedModule{before(".SCB"), PackedFamily::Int8};
    if (!entry.name.ends_with(".weight_scale")) return std::nullopt;
    PackedModule module{before(".weight_scale"), PackedFamily::Bytes};
    const TensorEntry* weight = findPart(checkpoint, module, "weight");
    const bool bytes = weight && (weight->dtype == DType::I8 || weight->dtype == DType::F8E4M3);
    return bytes ? std::optional(module) : std::nullopt;
}

Result<Tensor> weightOrError(Result<UniformWeight> weight) {
    if (!weight) return fail(weight.error());
    return dequantize(*weight);
}

bool isFp8(const Checkpoint& checkpoint, const PackedModule& module) {
    const TensorEntry* weight = findPart(checkpoint, module, "weight");
    return module.family == PackedFamily::Bytes && weight && weight->dtype == DType::F8E4M3;
}

/// Whether the tensor is a part of a packed module: MODULE. and a name of the layouts.
bool belongsTo(const std::string& tensor, const std::string& module) {
    static const std::vector<std::string> kParts = {"qweight",
                                                    "qzeros",
                                                    "scales",
                                                    "g_idx",
                                                    "weight",
                                                    "weight_packed",
                                                    "weight_scale",
                                                    "weight_shape",
                                                    "weight_zero_point",
                                                    "weight_global_scale",
                                                    "weight_g_idx",
                                                    "weight_format",
                                                    "SCB"};
    if (!tensor.starts_with(module + ".")) return false;
    const std::string suffix = tensor.substr(module.size() + 1);
    return suffix.starts_with("weight.") || std::ranges::find(kParts, suffix) != kParts.end();
}

/// The metadata without "quantization_config": what is left describes a float model.
Metadata unpackedMetadata(const Metadata& metadata) {
    Metadata plain = metadata;
    const auto text = metadataString(metadata, "config.json");
    auto config = text ? parseJson(*text) : Result<nlohmann::json>(nlohmann::json());
    if (!config || !config->is_object()) return plain;
    config->erase("quantization_config");
    plain["config.json"] = config->dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    return plain;
}

}  // namespace

std::string partName(const PackedModule& module, const std::string& suffix) {
    return module.name + "." + suffix;
}

const TensorEntry* findPart(const Checkpoint& checkpoint, const PackedModule& module,
                            const std::string& suffix) {
    return checkpoint.find(partName(module, suffix));
}

tl::unexpected<Error> malformed(const Checkpoint& checkpoint, const PackedModule& module,
                                const std::string& suffix, std::string what) {
    return fail(Error{ErrorKind::Malformed, std::move(what), checkpoint.path().string(),
                      partName(module, suffix), "Download or export the model again"});
}

Result<Tensor> loadPart(const Checkpoint& checkpoint, const PackedModule& module, const std::string& suffix,
                        size_t dimensions) {
    if (findPart(checkpoint, module, suffix) == nullptr)
        return malformed(checkpoint, module, suffix, "this part of a packed layer is missing");
    auto tensor = checkpoint.load(partName(module, suffix));
    if (!tensor) return fail(inFile(tensor.error(), checkpoint.path().string()));
    if (dimensions != 0 && tensor->shape().size() != dimensions)
        return malformed(
            checkpoint, module, suffix,
            fmt::format("the shape is {}, {} dimensions are needed", describe(tensor->shape()), dimensions));
    return tensor;
}

Result<Tensor> loadFloats(const Checkpoint& checkpoint, const PackedModule& module,
                          const std::string& suffix) {
    const auto stored = loadPart(checkpoint, module, suffix, 0);
    if (!stored) return fail(stored.error());
    if (!infoOf(stored->dtype()).isFloat || infoOf(stored->dtype()).isBlock())
        return malformed(checkpoint, module, suffix,
                         fmt::format("{} are no floats", infoOf(stored->dtype()).name));
    return toFloat32(*stored);
}

std::vector<PackedModule> packedModules(const Checkpoint& checkpoint) {
    std::vector<PackedModule> modules;
    for (const TensorEntry& entry : checkpoint.tensors())
        if (auto module = moduleMarkedBy(checkpoint, entry)) modules.push_back(std::move(*module));
    return modules;
}

WordReading declaredReading(const Checkpoint& checkpoint) {
    WordReading reading;
    const auto text = metadataString(checkpoint.metadata(), "config.json");
    const auto config = text ? parseJson(*text) : Result<nlohmann::json>(nlohmann::json());
    const nlohmann::json none = nlohmann::json::object();
    const nlohmann::json& quantization =
        config && config->is_object() && config->contains("quantization_config")
            ? (*config)["quantization_config"]
            : none;
    const auto value = [&](const char* key) -> std::string {
        const bool has =
            quantization.is_object() && quantization.contains(key) && quantization[key].is_string();
        return has ? quantization[key].get<std::string>() : std::string();
    };
    std::string method = value("quant_method");
    if (method.empty()) {
        for (const PackedModule& module : packedModules(checkpoint)) {
            const auto shape = wordShape(checkpoint, module);
            if (shape) method = shape->alongInputs ? "gptq" : "awq";
            break;
        }
    }
    if (method == "awq") reading.codeOrder = reading.zeroOrder = kAwqOrder;
    if (method == "gptq") reading.zeroOffset = value("checkpoint_format") == "gptq_v2" ? 0 : 1;
    return reading;
}

Result<UniformWeight> readUniform(const Checkpoint& checkpoint, const PackedModule& module,
                                  const WordReading& reading) {
    switch (module.family) {
        case PackedFamily::Words:
            return readWords(checkpoint, module, reading);
        case PackedFamily::Packed:
            return readPackedIntegers(checkpoint, module);
        case PackedFamily::Bytes:
        case PackedFamily::Int8:
            if (!isFp8(checkpoint, module)) return readByteIntegers(checkpoint, module);
            [[fallthrough]];
        default:
            return fail(ErrorKind::Unsupported, "this layer is stored without a uniform grid", module.name);
    }
}

Result<Tensor> readPacked(const Checkpoint& checkpoint, const PackedModule& module,
                          const WordReading& reading) {
    if (module.family == PackedFamily::Fp4) return readFp4(checkpoint, module, reading.swapped);
    if (module.family == PackedFamily::Codebook) return readCodebook(checkpoint, module, reading.swapped);
    if (isFp8(checkpoint, module)) return readFp8(checkpoint, module);
    return weightOrError(readUniform(checkpoint, module, reading));
}

Result<Shape> packedShape(const Checkpoint& checkpoint, const PackedModule& module) {
    const auto shapeOf = [&](const std::string& suffix) -> Result<Shape> {
        const TensorEntry* entry = findPart(checkpoint, module, suffix);
        if (entry == nullptr || entry->shape.size() != 2)
            return malformed(checkpoint, module, suffix,
                             "this part of a packed layer is missing or no matrix");
        return entry->shape;
    };
    switch (module.family) {
        case PackedFamily::Words: {
            const auto shape = wordShape(checkpoint, module);
            if (!shape) return fail(shape.error());
            return Shape{shape->out, shape->in};
        }
        case PackedFamily::Packed: {
            const auto weight = loadPart(checkpoint, module, "weight_shape", 1);
            if (!weight) return fail(weight.error());
            if (weight->size() != 2 || (weight->dtype() != DType::I64 && weight->dtype() != DType::I32))
                return malformed(checkpoint, module, "weight_shape", "this is not two integers");
            if (weight->dtype() == DType::I64)
                return Shape{weight->as<int64_t>()[0], weight->as<int64_t>()[1]};
            return Shape{weight->as<int32_t>()[0], weight->as<int32_t>()[1]};
        }
        case PackedFamily::Fp4: {
            auto shape = shapeOf("weight_packed");
            if (shape) (*shape)[1] *= 2;
            return shape;
        }
        case PackedFamily::Codebook:
            return codebookShape(checkpoint, module);
        default:
            return shapeOf("weight");
    }
}

Result<std::shared_ptr<const Checkpoint>> unpackedCheckpoint(std::shared_ptr<const Checkpoint> checkpoint) {
    const std::vector<PackedModule> modules = packedModules(*checkpoint);
    if (modules.empty()) return checkpoint;
    std::map<std::string, bool, std::less<>> packed;
    for (const PackedModule& module : modules) packed[module.name] = true;
    const WordReading reading = declaredReading(*checkpoint);
    std::vector<StoredTensor> tensors;
    for (const TensorEntry& entry : checkpoint->tensors()) {
        bool part = false;
        for (size_t dot = entry.name.find('.'); dot != std::string::npos && !part;
             dot = entry.name.find('.', dot + 1)) {
            const std::string prefix = entry.name.substr(0, dot);
            part = packed.contains(prefix) && belongsTo(entry.name, prefix);
        }
        if (part) continue;
        tensors.push_back({entry, [checkpoint, name = entry.name] { return checkpoint->load(name); }});
    }
    for (const PackedModule& module : modules) {
        const auto shape = packedShape(*checkpoint, module);
        if (!shape) return fail(shape.error());
        const auto bytes = bytesNeeded(DType::F32, *shape);
        if (!bytes) return fail(inFile(bytes.error(), checkpoint->path().string()));
        tensors.push_back(
            {{partName(module, "weight"), DType::F32, *shape, *bytes, {}},
             [checkpoint, module, reading] { return readPacked(*checkpoint, module, reading); }});
    }
    if (Status good = checkNames(tensors); !good) return fail(good.error());
    return std::make_shared<CheckpointTable>(checkpoint->format() + ", unpacked", checkpoint->path(),
                                             std::move(tensors), unpackedMetadata(checkpoint->metadata()));
}

}  // namespace quantscope
