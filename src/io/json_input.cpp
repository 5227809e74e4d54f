// SPDX-License-Identifier: Apache-2.0
#include "io/json_input.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "io/utf8.h"

namespace quantscope {
namespace {

using nlohmann::json;

/// Builds a document and stops at the first thing that parseJson() forbids. The library's own builder keeps
/// the last of equal keys and nests without limit.
class Builder : public nlohmann::json_sax<json> {
 public:
    explicit Builder(int maxDepth) : m_maxDepth(static_cast<size_t>(maxDepth)) {}

    json root;
    std::string problem;
    size_t problemByte = 0;

    bool null() override { return add(nullptr); }
    bool boolean(bool value) override { return add(value); }
    bool number_integer(number_integer_t value) override { return add(value); }
    bool number_unsigned(number_unsigned_t value) override { return add(value); }
    bool number_float(number_float_t value, const string_t&) override { return add(value); }
    bool string(string_t& value) override { return add(std::move(value)); }
    bool binary(binary_t&) override { return stop("binary values are not JSON"); }
    bool start_object(std::size_t) override { return open(json::object()); }
    bool start_array(std::size_t) override { return open(json::array()); }
    bool end_object() override { return close(); }
    bool end_array() override { return close(); }
    bool key(string_t& name) override {
        if (m_open.back()->contains(name))
            return stop(fmt::format("the key \"{}\" appears twice", printable(name)));
        m_key = std::move(name);
        return true;
    }
    bool parse_error(std::size_t byte, const std::string&,
                     const nlohmann::detail::exception& error) override {
        problemByte = byte;
        // "[json.exception.parse_error.101] parse error at line 1, column 2: what"
        const std::string_view what = error.what();
        const size_t colon = what.find(": ");
        return stop(std::string(colon == std::string_view::npos ? what : what.substr(colon + 2)));
    }

 private:
    bool stop(std::string what) {
        problem = std::move(what);
        return false;
    }
    template <class V>
    json* place(V&& value) {
        if (m_open.empty()) {
            root = std::forward<V>(value);
            return &root;
        }
        json& parent = *m_open.back();
        if (parent.is_array()) {
            parent.push_back(std::forward<V>(value));
            return &parent.back();
        }
        return &(parent[m_key] = std::forward<V>(value));
    }
    template <class V>
    bool add(V&& value) {
        place(std::forward<V>(value));
        return true;
    }
    bool open(json container) {
        if (m_open.size() >= m_maxDepth)
            return stop(fmt::format("nested more than {} levels deep", m_maxDepth));
        m_open.push_back(place(std::move(container)));
        return true;
    }
    bool close() {
        m_open.pop_back();
        return true;
    }

    size_t m_maxDepth;
    std::vector<json*> m_open;
    std::string m_key;
};

std::string position(std::string_view text, size_t byte) {
    const std::string_view before = text.substr(0, std::min(byte, text.size()));
    const auto line = 1 + std::count(before.begin(), before.end(), '\n');
    const size_t newline = before.rfind('\n');
    const size_t column = newline == std::string_view::npos ? before.size() : before.size() - newline - 1;
    return fmt::format("line {}, column {}", line, column);
}

}  // namespace

Result<json> parseJson(std::string_view text, int maxDepth) {
    Builder builder(maxDepth);
    bool good = false;
    try {
        good = json::sax_parse(text.begin(), text.end(), &builder);
    } catch (const std::exception& error) {
        builder.problem = error.what();
    }
    if (good) return std::move(builder.root);
    const std::string where = builder.problemByte > 0 ? position(text, builder.problemByte) : std::string();
    return fail(ErrorKind::Malformed, "not valid JSON: " + printable(builder.problem, 200), where,
                "Download or write the file again");
}

}  // namespace quantscope
