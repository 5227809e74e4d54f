// SPDX-License-Identifier: Apache-2.0
#include "io/gguf_parser.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>

#include "io/byte_reader.h"
#include "io/gguf_types.h"
#include "io/utf8.h"

namespace quantscope {
namespace {

constexpr uint32_t kMagic = 0x46554747;   // "GGUF"
constexpr uint64_t kMaxKeyBytes = 65535;  // the format's own limit
constexpr uint64_t kMaxNameBytes = 1024;
constexpr uint64_t kMaxKeys = 1U << 20U;
constexpr uint64_t kMaxTensors = 1U << 22U;
constexpr uint64_t kMaxItems = 1U << 25U;  // array items of all keys together; vocabularies have 2^19
constexpr int kMaxArrayDepth = 8;
constexpr uint32_t kMaxDims = 8;
// Shortest forms: a key of one letter with a byte; a tensor of one letter without dimensions.
constexpr uint64_t kMinKeyBytes = 8 + 1 + 4 + 1;
constexpr uint64_t kMinTensorBytes = 8 + 1 + 4 + 4 + 8;

constexpr const char* kFix = "Download or convert the file again";

tl::unexpected<Error> malformed(std::string message, std::string field) {
    return fail(ErrorKind::Malformed, std::move(message), std::move(field), kFix);
}

class Parser {
 public:
    explicit Parser(std::span<const std::byte> file) : m_in(file) {}

    Result<GgufDirectory> parse() {
        if (auto status = readHeader(); !status) return fail(status.error());
        for (uint64_t i = 0; i < m_keyCount; ++i) {
            if (auto status = readKeyValue(i); !status) return fail(status.error());
        }
        if (auto status = readAlignment(); !status) return fail(status.error());
        for (uint64_t i = 0; i < m_tensorCount; ++i) {
            if (auto status = readTensor(i); !status) return fail(status.error());
        }
        const uint64_t rest = m_in.offset() % m_out.alignment;
        m_out.dataOffset = m_in.offset() + (rest == 0 ? 0 : m_out.alignment - rest);
        return std::move(m_out);
    }

 private:
    tl::unexpected<Error> truncated(const std::string& field) const {
        return malformed(fmt::format("the file ends inside this field, at byte {}", m_in.offset()), field);
    }

    Status readHeader() {
        const auto magic = m_in.take<uint32_t>();
        const auto version = m_in.take<uint32_t>();
        if (!magic || !version) return truncated("header");
        if (*magic != kMagic) return malformed("does not start with \"GGUF\"", "magic");
        if ((*version & 0xFFFFU) == 0 && *version != 0)
            return fail(ErrorKind::Unsupported, "a big-endian GGUF file", "version",
                        "Use the little-endian file of this model");
        if (*version != 2 && *version != 3)
            return fail(ErrorKind::Unsupported, fmt::format("GGUF version {}, not 2 or 3", *version),
                        "version", "Convert the model with a current llama.cpp");
        m_out.version = *version;
        const auto tensors = m_in.take<uint64_t>();
        const auto keys = m_in.take<uint64_t>();
        if (!tensors || !keys) return truncated("header");
        if (*keys > std::min(kMaxKeys, m_in.remaining() / kMinKeyBytes))
            return malformed(fmt::format("{} keys cannot fit into the file", *keys), "metadata_kv_count");
        if (*tensors > std::min(kMaxTensors, m_in.remaining() / kMinTensorBytes))
            return malformed(fmt::format("{} tensors cannot fit into the file", *tensors), "tensor_count");
        m_tensorCount = *tensors;
        m_keyCount = *keys;
        return {};
    }

    Result<std::string_view> readText(uint64_t limit, const std::string& field) {
        const auto length = m_in.take<uint64_t>();
        if (!length) return truncated(field);
        if (*length > m_in.remaining() || *length > limit)
            return malformed(fmt::format("a text of {} bytes at byte {}", *length, m_in.offset()), field);
        return *m_in.takeText(*length);
    }

    Status readKeyValue(uint64_t index) {
        const std::string place = fmt::format("metadata key {}", index);
        const auto key = readText(kMaxKeyBytes, place);
        if (!key) return fail(key.error());
        if (!isCleanName(*key)) return malformed("the key is empty or not clean UTF-8", place);
        const uint64_t start = m_in.offset();
        const auto type = m_in.take<uint32_t>();
        if (!type) return truncated(std::string(*key));
        auto value = readValue(static_cast<GgufValueType>(*type), std::string(*key));
        if (!value) return fail(value.error());
        if (!m_out.metadata.emplace(*key, std::move(*value)).second)
            return malformed("the key appears twice", printable(*key));
        if (m_nested) m_out.metadata.erase(std::string(*key));
        m_nested = false;
        m_out.keyValues.push_back({std::string(*key), m_in.between(start, m_in.offset())});
        return {};
    }

    template <class T, class As>
    Result<MetadataValue> readNumber(const std::string& key) {
        const auto value = m_in.take<T>();
        if (!value) return truncated(key);
        return MetadataValue(static_cast<As>(*value));
    }

    Result<MetadataValue> readValue(GgufValueType type, const std::string& key) {
        switch (type) {
            case GgufValueType::U8:
                return readNumber<uint8_t, uint64_t>(key);
            case GgufValueType::I8:
                return readNumber<int8_t, int64_t>(key);
            case GgufValueType::U16:
                return readNumber<uint16_t, uint64_t>(key);
            case GgufValueType::I16:
                return readNumber<int16_t, int64_t>(key);
            case GgufValueType::U32:
                return readNumber<uint32_t, uint64_t>(key);
            case GgufValueType::I32:
                return readNumber<int32_t, int64_t>(key);
            case GgufValueType::F32:
                return readNumber<float, double>(key);
            case GgufValueType::U64:
                return readNumber<uint64_t, uint64_t>(key);
            case GgufValueType::I64:
                return readNumber<int64_t, int64_t>(key);
            case GgufValueType::F64:
                return readNumber<double, double>(key);
            case GgufValueType::Bool:
                return readNumber<uint8_t, bool>(key);
            case GgufValueType::String: {
                const auto text = readText(m_in.remaining(), key);
                if (!text) return fail(text.error());
                return MetadataValue(std::string(*text));
            }
            case GgufValueType::Array:
                return readArray(key, 0);
        }
        return malformed(fmt::format("unknown value type {}", static_cast<uint32_t>(type)), printable(key));
    }

    /// Type and length of an array; the length is checked against what is left of the file.
    struct ArrayHeader {
        GgufValueType type;
        uint64_t count;
    };
    Result<ArrayHeader> readArrayHeader(const std::string& key) {
        const auto type = m_in.take<uint32_t>();
        const auto count = m_in.take<uint64_t>();
        if (!type || !count) return truncated(key);
        const auto valueType = static_cast<GgufValueType>(*type);
        if (*type > static_cast<uint32_t>(GgufValueType::F64))
            return malformed(fmt::format("unknown array item type {}", *type), printable(key));
        const uint64_t itemBytes = valueType == GgufValueType::Array    ? 12
                                   : valueType == GgufValueType::String ? 8
                                                                        : ggufValueBytes(valueType);
        if (*count > m_in.remaining() / itemBytes || *count > kMaxItems - m_items)
            return malformed(fmt::format("an array of {} items", *count), printable(key));
        m_items += *count;
        return ArrayHeader{valueType, *count};
    }

    Result<MetadataValue> readArray(const std::string& key, int depth) {
        if (depth >= kMaxArrayDepth) return malformed("arrays are nested too deeply", printable(key));
        const auto header = readArrayHeader(key);
        if (!header) return fail(header.error());
        switch (header->type) {
            case GgufValueType::U8:
                return readItems<uint8_t, int64_t>(header->count);
            case GgufValueType::I8:
                return readItems<int8_t, int64_t>(header->count);
            case GgufValueType::U16:
                return readItems<uint16_t, int64_t>(header->count);
            case GgufValueType::I16:
                return readItems<int16_t, int64_t>(header->count);
            case GgufValueType::U32:
                return readItems<uint32_t, int64_t>(header->count);
            case GgufValueType::I32:
                return readItems<int32_t, int64_t>(header->count);
            case GgufValueType::U64:
                return readItems<uint64_t, int64_t>(header->count);
            case GgufValueType::I64:
                return readItems<int64_t, int64_t>(header->count);
            case GgufValueType::Bool:
                return readItems<uint8_t, int64_t>(header->count);
            case GgufValueType::F32:
                return readItems<float, double>(header->count);
            case GgufValueType::F64:
                return readItems<double, double>(header->count);
            case GgufValueType::String:
                return readTexts(header->count, key);
            case GgufValueType::Array:
                break;
        }
        m_nested = true;
        for (uint64_t i = 0; i < header->count; ++i) {
            if (auto inner = readArray(key, depth + 1); !inner) return inner;
        }
        return MetadataValue(false);
    }

    template <class T, class As>
    Result<MetadataValue> readItems(uint64_t count) {
        ByteReader items(*m_in.takeBytes(count * sizeof(T)));
        std::vector<As> values(count);
        // NOLINTNEXTLINE(bugprone-signed-char-misuse): int8 items are numbers, not characters
        for (As& value : values) value = static_cast<As>(*items.take<T>());
        return MetadataValue(std::move(values));
    }

    Result<MetadataValue> readTexts(uint64_t count, const std::string& key) {
        std::vector<std::string> texts;
        texts.reserve(count);
        for (uint64_t i = 0; i < count; ++i) {
            const auto text = readText(m_in.remaining(), key);
            if (!text) return fail(text.error());
            texts.emplace_back(*text);
        }
        return MetadataValue(std::move(texts));
    }

    Status readAlignment() {
        constexpr const char* kKey = "general.alignment";
        const auto it = m_out.metadata.find(kKey);
        if (it == m_out.metadata.end()) return {};
        const auto* value = std::get_if<uint64_t>(&it->second);
        if (value == nullptr || !std::has_single_bit(*value) || *value > (1U << 24U))
            return malformed("the alignment must be a power of two up to 16 MiB", kKey);
        m_out.alignment = *value;
        return {};
    }

    Status readTensor(uint64_t index) {
        const std::string place = fmt::format("tensor {}", index);
        const auto name = readText(kMaxNameBytes, place);
        if (!name) return fail(name.error());
        GgufTensorInfo info;
        info.name = *name;
        const std::string field = printable(*name);
        const auto dims = m_in.take<uint32_t>();
        if (!dims) return truncated(field);
        if (*dims > kMaxDims) return malformed(fmt::format("{} dimensions", *dims), field);
        info.shape.resize(*dims);
        for (auto dim = info.shape.rbegin(); dim != info.shape.rend(); ++dim) {
            const auto size = m_in.take<int64_t>();
            if (!size) return truncated(field);
            if (*size < 0) return malformed("a dimension exceeds 63 bits", field);
            *dim = *size;
        }
        const auto type = m_in.take<uint32_t>();
        const auto offset = m_in.take<uint64_t>();
        if (!type || !offset) return truncated(field);
        info.type = *type;
        info.offset = *offset;
        m_out.tensors.push_back(std::move(info));
        return {};
    }

    ByteReader m_in;
    GgufDirectory m_out;
    uint64_t m_tensorCount = 0;
    uint64_t m_keyCount = 0;
    uint64_t m_items = 0;
    bool m_nested = false;
};

}  // namespace

Result<GgufDirectory> parseGguf(std::span<const std::byte> file) {
    return Parser(file).parse();
}

}  // namespace quantscope
