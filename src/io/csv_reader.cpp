// SPDX-License-Identifier: Apache-2.0
#include "io/csv_reader.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <optional>

#include "io/utf8.h"

namespace quantscope {
namespace {

constexpr std::string_view kBlanks = " \r\t";

std::string_view trimmed(std::string_view text) {
    const size_t begin = text.find_first_not_of(kBlanks);
    if (begin == std::string_view::npos) return {};
    return text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
}

char separatorOf(std::string_view line) {
    for (const char c : {',', ';', '\t'}) {
        if (line.find(c) != std::string_view::npos) return c;
    }
    return ' ';
}

/// Cuts the next field off the line; blanks count as one separator when they separate.
std::string_view nextField(std::string_view& line, char separator) {
    const size_t end = line.find(separator);
    const std::string_view field = line.substr(0, end);
    line = end == std::string_view::npos ? std::string_view() : line.substr(end + 1);
    if (separator == ' ') line = trimmed(line);
    return trimmed(field);
}

std::vector<std::string_view> fieldsOf(std::string_view line, char separator) {
    std::vector<std::string_view> fields;
    const bool openEnd = separator != ' ' && line.back() == separator;
    while (!line.empty()) fields.push_back(nextField(line, separator));
    if (openEnd) fields.emplace_back();
    return fields;
}

/// Nothing for text that is no number; infinite for one outside float's range.
std::optional<float> numberIn(std::string_view field) {
    if (field.starts_with('+')) field.remove_prefix(1);
    double value = 0;
    const char* end = field.data() + field.size();
    const auto [rest, error] = std::from_chars(field.data(), end, value);
    if (field.empty() || rest != end || error == std::errc::invalid_argument) return std::nullopt;
    // Too small for double is also "out of range"; strtod tells the two apart.
    if (error == std::errc::result_out_of_range) value = std::strtod(std::string(field).c_str(), nullptr);
    if (std::abs(value) > static_cast<double>(std::numeric_limits<float>::max()))
        return std::copysign(std::numeric_limits<float>::infinity(), static_cast<float>(value));
    return static_cast<float>(value);
}

bool saysInfinite(std::string_view field) {
    return field.find_first_of("iI") != std::string_view::npos;
}

class Parser {
 public:
    Result<CsvTable> parse(std::string_view text) {
        if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
        while (!text.empty()) {
            const size_t end = text.find('\n');
            const std::string_view line = trimmed(text.substr(0, end));
            text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
            ++m_line;
            if (line.empty() || line[0] == '#') continue;
            if (auto status = addLine(line); !status) return fail(status.error());
        }
        if (m_table.rows == 0) return fail(ErrorKind::Malformed, "no numbers in this file", "line 1", kFix);
        return std::move(m_table);
    }

 private:
    static constexpr const char* kFix = "Give a table of numbers, one row a line";

    Status addLine(std::string_view line) {
        if (m_separator == 0) m_separator = separatorOf(line);
        const auto fields = fieldsOf(line, m_separator);
        if (m_table.rows == 0 && m_table.columns.empty() && isHeader(fields)) {
            for (const std::string_view field : fields) m_table.columns.push_back(printable(field));
            m_table.cols = static_cast<int64_t>(fields.size());
            return {};
        }
        const auto count = static_cast<int64_t>(fields.size());
        if (m_table.rows == 0 && m_table.columns.empty()) m_table.cols = count;
        if (count != m_table.cols)
            return fail(ErrorKind::Malformed,
                        fmt::format("{} fields where the first line has {}", count, m_table.cols),
                        fmt::format("line {}", m_line), kFix);
        for (size_t i = 0; i < fields.size(); ++i) {
            if (auto status = addField(fields[i], i + 1); !status) return status;
        }
        ++m_table.rows;
        return {};
    }

    static bool isHeader(const std::vector<std::string_view>& fields) {
        for (const std::string_view field : fields) {
            if (numberIn(field)) return false;
        }
        return true;
    }

    Status addField(std::string_view field, size_t column) {
        const auto number = numberIn(field);
        const std::string place = fmt::format("line {}, column {}", m_line, column);
        if (!number)
            return fail(ErrorKind::Malformed, fmt::format("\"{}\" is not a number", printable(field, 20)),
                        place, kFix);
        if (std::isinf(*number) && !saysInfinite(field))
            return fail(ErrorKind::Malformed,
                        fmt::format("{} does not fit a 32-bit float", printable(field, 20)), place, kFix);
        m_table.values.push_back(*number);
        return {};
    }

    CsvTable m_table;
    char m_separator = 0;
    int64_t m_line = 0;
};

}  // namespace

Result<CsvTable> parseCsv(std::string_view text) {
    return Parser().parse(text);
}

Result<std::shared_ptr<const Checkpoint>> openCsv(const std::shared_ptr<const MappedFile>& file) {
    const auto bytes = file->bytes();
    const std::string path = file->path().string();
    if (bytes.size() > kMaxCsvBytes)
        return fail(Error{
            ErrorKind::Unsupported, "a table of more than 1 GiB of text", path, {}, "Convert it to npy"});
    auto table = parseCsv({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
    if (!table) return fail(inFile(table.error(), path));
    Metadata metadata;
    if (!table->columns.empty()) metadata.emplace("columns", std::move(table->columns));
    const Tensor tensor = Tensor::fromFloats({table->rows, table->cols}, std::move(table->values));
    const std::string stem = file->path().stem().string();
    TensorEntry entry{
        isCleanName(stem) ? stem : "table", DType::F32, tensor.shape(), tensor.bytes().size(), {}};
    std::vector<StoredTensor> tensors;
    tensors.push_back({std::move(entry), [tensor] { return Result<Tensor>(tensor); }});
    return std::make_shared<const CheckpointTable>("csv", file->path(), std::move(tensors),
                                                   std::move(metadata));
}

}  // namespace quantscope
