// SPDX-License-Identifier: Apache-2.0
#include "io/gguf_writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <functional>
#include <limits>
#include <unordered_map>

#include "io/gguf_reader.h"
#include "io/gguf_types.h"
#include "io/metadata.h"
#include "io/utf8.h"

namespace quantscope {
namespace {

constexpr size_t kMaxDims = 4;  // ggml's limit
constexpr uint64_t kDefaultAlignment = 32;

/// Little-endian values appended to a buffer.
class Buffer {
 public:
    template <class T>
    void put(T value) {
        m_text.append(reinterpret_cast<const char*>(&value), sizeof(T));
    }
    void putText(std::string_view text) {
        put(static_cast<uint64_t>(text.size()));
        m_text.append(text);
    }
    void putBytes(std::span<const std::byte> bytes) {
        m_text.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    }
    void putType(GgufValueType type) { put(static_cast<uint32_t>(type)); }
    [[nodiscard]] const std::string& text() const { return m_text; }

 private:
    std::string m_text;
};

bool fits32(int64_t value) {
    return value >= std::numeric_limits<int32_t>::min() && value <= std::numeric_limits<int32_t>::max();
}

/// Writes a value with its type, choosing the narrow forms.
struct ValueWriter {
    Buffer& out;

    void operator()(bool value) const {
        out.putType(GgufValueType::Bool);
        out.put(static_cast<uint8_t>(value));
    }
    void operator()(int64_t value) const {
        out.putType(fits32(value) ? GgufValueType::I32 : GgufValueType::I64);
        if (fits32(value)) out.put(static_cast<int32_t>(value));
        if (!fits32(value)) out.put(value);
    }
    void operator()(uint64_t value) const {
        const bool narrow = value <= std::numeric_limits<uint32_t>::max();
        out.putType(narrow ? GgufValueType::U32 : GgufValueType::U64);
        if (narrow) out.put(static_cast<uint32_t>(value));
        if (!narrow) out.put(value);
    }
    void operator()(double value) const {
        out.putType(GgufValueType::F32);
        out.put(static_cast<float>(value));
    }
    void operator()(const std::string& value) const {
        out.putType(GgufValueType::String);
        out.putText(value);
    }
    void operator()(const std::vector<int64_t>& values) const {
        const bool narrow = std::all_of(values.begin(), values.end(), fits32);
        head(narrow ? GgufValueType::I32 : GgufValueType::I64, values.size());
        for (const int64_t value : values) {
            if (narrow) out.put(static_cast<int32_t>(value));
            if (!narrow) out.put(value);
        }
    }
    void operator()(const std::vector<double>& values) const {
        head(GgufValueType::F32, values.size());
        for (const double value : values) out.put(static_cast<float>(value));
    }
    void operator()(const std::vector<std::string>& values) const {
        head(GgufValueType::String, values.size());
        for (const std::string& value : values) out.putText(value);
    }
    void head(GgufValueType item, size_t count) const {
        out.putType(GgufValueType::Array);
        out.putType(item);
        out.put(static_cast<uint64_t>(count));
    }
};

/// A tensor's line of the directory, and what appends its data.
struct Item {
    std::string name;
    Shape shape;
    uint32_t type = 0;
    uint64_t bytes = 0;
    std::function<Status(AtomicFile&)> write;
};

/// A file about to be written; `keyValues` holds `keyCount` encoded entries.
struct Plan {
    Buffer keyValues;
    uint64_t keyCount = 0;
    uint64_t alignment = kDefaultAlignment;
    std::vector<Item> items;

    void addKey(std::string_view key, const MetadataValue& value) {
        keyValues.putText(key);
        std::visit(ValueWriter{keyValues}, value);
        ++keyCount;
    }
    void addRawKey(const GgufKeyValue& entry) {
        keyValues.putText(entry.key);
        keyValues.putBytes(entry.value);
        ++keyCount;
    }
};

Result<Item> itemOf(const OutputTensor& tensor) {
    const TensorEntry& entry = tensor.entry;
    const GgmlType* type = entry.unsupportedType.empty() ? ggmlType(entry.dtype) : nullptr;
    if (type == nullptr)
        return fail(ErrorKind::Unsupported, fmt::format("GGUF has no type {}", infoOf(entry.dtype).name),
                    entry.name, "Convert it to F32 or F16 first");
    if (entry.shape.size() > kMaxDims)
        return fail(ErrorKind::InvalidArgument, fmt::format("{} dimensions, GGUF has 4", entry.shape.size()),
                    entry.name, "Join some dimensions");
    return Item{entry.name, entry.shape, type->id, entry.bytes,
                [tensor](AtomicFile& file) { return writeData(file, tensor); }};
}

uint64_t padded(uint64_t bytes, uint64_t alignment) {
    return (bytes + alignment - 1) / alignment * alignment;
}

std::string directoryText(const Plan& plan) {
    Buffer out;
    out.put(uint32_t{0x46554747});  // "GGUF"
    out.put(uint32_t{3});
    out.put(static_cast<uint64_t>(plan.items.size()));
    out.put(plan.keyCount);
    out.putBytes(std::as_bytes(std::span(plan.keyValues.text())));
    uint64_t offset = 0;
    for (const Item& item : plan.items) {
        out.putText(item.name);
        out.put(static_cast<uint32_t>(item.shape.size()));
        for (auto dim = item.shape.rbegin(); dim != item.shape.rend(); ++dim) out.put(*dim);
        out.put(item.type);
        out.put(offset);
        offset += padded(item.bytes, plan.alignment);
    }
    return out.text();
}

Status writePlan(AtomicFile& file, const Plan& plan, const Job& job) {
    if (auto status = file.write(directoryText(plan)); !status) return status;
    for (size_t i = 0; i < plan.items.size(); ++i) {
        if (!job.proceed(static_cast<double>(i) / static_cast<double>(plan.items.size()), plan.items[i].name))
            return fail(ErrorKind::Cancelled, "stopped");
        if (auto status = file.padTo(plan.alignment); !status) return status;
        if (auto status = plan.items[i].write(file); !status) return status;
    }
    if (auto status = file.padTo(plan.alignment); !status) return status;
    return file.commit();
}

Status writeFile(const std::filesystem::path& target, const Result<Plan>& plan, const Job& job) {
    const auto named = [&](Error error) { return inFile(std::move(error), target.string()); };
    if (!plan) return fail(named(plan.error()));
    auto file = AtomicFile::create(target);
    if (!file) return fail(file.error());
    return writePlan(*file, *plan, job).map_error(named);
}

Result<Plan> planOf(const std::vector<OutputTensor>& tensors, const Metadata& metadata) {
    Plan plan;
    if (auto status = checkNames(tensors); !status)
        return fail(ErrorKind::InvalidArgument, status.error().message, status.error().field,
                    "Give every tensor a name of its own");
    if (metadata.contains("general.alignment")) {
        const auto alignment = metadataInt(metadata, "general.alignment").value_or(0);
        if (alignment < 8 || alignment > (1 << 24) || !std::has_single_bit(static_cast<uint64_t>(alignment)))
            return fail(ErrorKind::InvalidArgument, "not a power of two from 8 to 16 MiB",
                        "general.alignment", "Use 32");
        plan.alignment = static_cast<uint64_t>(alignment);
    }
    for (const auto& [key, value] : metadata) {
        if (!isCleanName(key))
            return fail(ErrorKind::InvalidArgument, "a key is empty or not clean UTF-8", printable(key));
        // The alignment must be unsigned, whatever integer the caller used.
        if (key == "general.alignment") plan.addKey(key, plan.alignment);
        if (key != "general.alignment") plan.addKey(key, value);
    }
    for (const OutputTensor& tensor : tensors) {
        auto item = itemOf(tensor);
        if (!item) return fail(item.error());
        plan.items.push_back(std::move(*item));
    }
    return plan;
}

using Replacements = std::unordered_map<std::string_view, const OutputTensor*>;

Status addTensors(Plan& plan, const GgufCheckpoint& source, Replacements replacements) {
    const auto entries = source.tensors();
    for (size_t i = 0; i < entries.size(); ++i) {
        const auto it = replacements.find(entries[i].name);
        if (it == replacements.end()) {
            const GgufRawTensor raw = source.raw(i);
            plan.items.push_back({entries[i].name, entries[i].shape, raw.type, raw.bytes.size(),
                                  [raw](AtomicFile& file) { return file.write(raw.bytes); }});
            continue;
        }
        const OutputTensor& tensor = *it->second;
        if (tensor.entry.shape != entries[i].shape)
            return fail(ErrorKind::InvalidArgument,
                        fmt::format("replaced by {}, the file has {}", describe(tensor.entry.shape),
                                    describe(entries[i].shape)),
                        entries[i].name, "Keep the tensor's shape");
        auto item = itemOf(tensor);
        if (!item) return fail(item.error());
        plan.items.push_back(std::move(*item));
        replacements.erase(it);
    }
    if (replacements.empty()) return {};
    return fail(ErrorKind::InvalidArgument, "the source file has no such tensor",
                printable(replacements.begin()->first), "Replace tensors that the file has");
}

Result<Plan> planOf(const Checkpoint& checkpoint, const std::vector<OutputTensor>& tensors,
                    Metadata overrides) {
    const auto* source = dynamic_cast<const GgufCheckpoint*>(&checkpoint);
    if (source == nullptr)
        return fail(ErrorKind::InvalidArgument,
                    fmt::format("the source is {}, not GGUF", checkpoint.format()), "format",
                    "Start from a GGUF file, or write safetensors");
    Plan plan;
    plan.alignment = source->alignment();
    overrides.erase("general.alignment");
    for (const GgufKeyValue& entry : source->keyValues()) {
        const auto it = overrides.find(entry.key);
        if (it == overrides.end()) {
            plan.addRawKey(entry);
        } else {
            plan.addKey(it->first, it->second);
            overrides.erase(it);
        }
    }
    for (const auto& [key, value] : overrides) plan.addKey(key, value);
    Replacements replacements;
    for (const OutputTensor& tensor : tensors) {
        if (!replacements.emplace(tensor.entry.name, &tensor).second)
            return fail(ErrorKind::InvalidArgument, "replaced twice", tensor.entry.name, "Give it once");
    }
    if (auto status = addTensors(plan, *source, std::move(replacements)); !status)
        return fail(status.error());
    return plan;
}

}  // namespace

Status writeGguf(const std::filesystem::path& target, const std::vector<OutputTensor>& tensors,
                 const Metadata& metadata, const Job& job) {
    return writeFile(target, planOf(tensors, metadata), job);
}

Status rewriteGguf(const std::filesystem::path& target, const Checkpoint& source,
                   const std::vector<OutputTensor>& replacements, const Metadata& overrides, const Job& job) {
    return writeFile(target, planOf(source, replacements, overrides), job);
}

}  // namespace quantscope
