// SPDX-License-Identifier: Apache-2.0
#include "io/npy_header.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <optional>

#include "io/byte_reader.h"
#include "io/utf8.h"

namespace quantscope {
namespace {

constexpr const char* kFix = "Write the file again with numpy.save";

tl::unexpected<Error> malformed(std::string message, std::string field) {
    return fail(ErrorKind::Malformed, std::move(message), std::move(field), kFix);
}

struct NamedType {
    std::string_view descr;
    DType dtype;
};
constexpr std::array kTypes = {
    NamedType{"<f8", DType::F64}, NamedType{"<f4", DType::F32}, NamedType{"<f2", DType::F16},
    NamedType{"<i8", DType::I64}, NamedType{"<i4", DType::I32}, NamedType{"<i2", DType::I16},
    NamedType{"|i1", DType::I8},  NamedType{"<u8", DType::U64}, NamedType{"<u4", DType::U32},
    NamedType{"<u2", DType::U16}, NamedType{"|u1", DType::U8},  NamedType{"|b1", DType::Bool},
};

std::optional<DType> typeOf(std::string_view descr) {
    for (const NamedType& type : kTypes) {
        if (type.descr == descr) return type.dtype;
    }
    return std::nullopt;
}

/// Reads the one Python dictionary a header holds: {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4),
/// }.
class DictParser {
 public:
    explicit DictParser(std::string_view text) : m_text(text) {}

    Result<NpyHeader> parse() {
        if (!accept('{')) return malformed("the header is not a dictionary", "header");
        while (!accept('}')) {
            const auto key = quoted();
            if (!key || !accept(':')) return malformed("the header is not a dictionary", "header");
            if (auto status = value(*key); !status) return fail(status.error());
            if (!accept(',') && peek() != '}') return malformed("the header is not a dictionary", *key);
        }
        if (peek() != '\0') return malformed("text after the header's dictionary", "header");
        if (!m_hasDescr || !m_hasOrder || !m_hasShape)
            return malformed("the header lacks 'descr', 'fortran_order' or 'shape'", "header");
        return std::move(m_out);
    }

 private:
    char peek() {
        while (!m_text.empty() && (m_text[0] == ' ' || m_text[0] == '\n')) m_text.remove_prefix(1);
        return m_text.empty() ? '\0' : m_text[0];
    }
    bool accept(char c) {
        if (peek() != c || m_text.empty()) return false;
        m_text.remove_prefix(1);
        return true;
    }
    bool acceptWord(std::string_view word) {
        peek();
        if (!m_text.starts_with(word)) return false;
        m_text.remove_prefix(word.size());
        return true;
    }
    std::optional<std::string> quoted() {
        const char quote = peek();
        if (quote != '\'' && quote != '"') return std::nullopt;
        const size_t end = m_text.find(quote, 1);
        if (end == std::string_view::npos) return std::nullopt;
        std::string text(m_text.substr(1, end - 1));
        m_text.remove_prefix(end + 1);
        return text;
    }

    Status value(const std::string& key) {
        if (key == "descr" && !m_hasDescr) return descr();
        if (key == "fortran_order" && !m_hasOrder) return order();
        if (key == "shape" && !m_hasShape) return shape();
        return malformed("unknown or repeated key", printable(key));
    }
    Status descr() {
        m_hasDescr = true;
        if (peek() == '[') return structured();
        const auto text = quoted();
        if (!text) return malformed("no type text", "descr");
        m_out.descr = printable(*text, 20);
        m_out.dtype = typeOf(*text);
        return {};
    }
    /// A record type: its text is skipped, brackets and quotes balanced.
    Status structured() {
        int depth = 0;
        do {
            const char c = peek();
            if (c == '\0') return malformed("the list of fields does not end", "descr");
            if (c == '\'' || c == '"') {
                if (!quoted()) return malformed("a text does not end", "descr");
                continue;
            }
            depth += (c == '[' || c == '(') ? 1 : (c == ']' || c == ')') ? -1 : 0;
            m_text.remove_prefix(1);
        } while (depth > 0);
        m_out.descr = "a record type";
        return {};
    }
    Status order() {
        m_hasOrder = true;
        m_out.fortranOrder = acceptWord("True");
        if (!m_out.fortranOrder && !acceptWord("False"))
            return malformed("not True or False", "fortran_order");
        return {};
    }
    Status shape() {
        m_hasShape = true;
        if (!accept('(')) return malformed("not a tuple", "shape");
        while (!accept(')')) {
            peek();
            int64_t dim = -1;
            const auto [end, error] = std::from_chars(m_text.data(), m_text.data() + m_text.size(), dim);
            if (error != std::errc() || dim < 0 || m_out.shape.size() >= kMaxNpyDims)
                return malformed("a dimension is not a whole number that fits 63 bits", "shape");
            m_text.remove_prefix(static_cast<size_t>(end - m_text.data()));
            m_out.shape.push_back(dim);
            if (!accept(',') && peek() != ')') return malformed("not a tuple of whole numbers", "shape");
        }
        return {};
    }

    std::string_view m_text;
    NpyHeader m_out;
    bool m_hasDescr = false;
    bool m_hasOrder = false;
    bool m_hasShape = false;
};

}  // namespace

Result<NpyHeader> parseNpyHeader(std::span<const std::byte> bytes) {
    ByteReader in(bytes);
    const auto magic = in.takeText(6);
    const auto major = in.take<uint8_t>();
    const auto minor = in.take<uint8_t>();
    if (!magic || !major || !minor) return malformed("the file ends inside the header", "header");
    if (*magic != "\x93NUMPY") return malformed("does not start with NumPy's mark", "magic");
    if (*major < 1 || *major > 3)
        return fail(ErrorKind::Unsupported, fmt::format("npy version {}.{}", *major, *minor), "version",
                    kFix);
    std::optional<uint64_t> length;
    if (*major == 1) {
        if (const auto value = in.take<uint16_t>()) length = *value;
    } else if (const auto value = in.take<uint32_t>()) {
        length = *value;
    }
    if (!length || *length > in.remaining() || *length > kMaxNpyHeaderBytes - 12)
        return malformed("the header's length does not fit the file", "header length");
    auto header = DictParser(*in.takeText(*length)).parse();
    if (!header) return header;
    header->dataOffset = in.offset();
    if (const auto needed = bytesNeeded(header->dtype.value_or(DType::U8), header->shape); !needed)
        return malformed(needed.error().message, "shape");
    return header;
}

std::string_view npyDescr(DType dtype) {
    for (const NamedType& type : kTypes) {
        if (type.dtype == dtype) return type.descr;
    }
    return {};
}

}  // namespace quantscope
