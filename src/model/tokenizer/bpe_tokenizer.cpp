// SPDX-License-Identifier: Apache-2.0
#include "model/tokenizer/bpe_tokenizer.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <numeric>
#include <utility>

namespace quantscope {
namespace {

constexpr std::string_view kSpaceMark = "\xE2\x96\x81";  // U+2581
constexpr std::string_view kSpaces = " \t\n\r\f\v";

size_t characterLength(char lead) {
    const auto byte = static_cast<unsigned char>(lead);
    return byte < 0xC0 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4;
}

/// The byte that "<0xNN>" stands for.
std::optional<char> byteNamed(std::string_view token) {
    if (token.size() != 6 || !token.starts_with("<0x") || token[5] != '>') return std::nullopt;
    unsigned value = 0;
    const char* end = token.data() + 5;
    const auto read = std::from_chars(token.data() + 3, end, value, 16);
    if (read.ec != std::errc{} || read.ptr != end) return std::nullopt;
    return static_cast<char>(value);
}

std::string withSpaceMarks(std::string_view text) {
    std::string marked;
    marked.reserve(text.size() + text.size() / 4);
    for (const char c : text) {
        if (c == ' ') {
            marked += kSpaceMark;
        } else {
            marked += c;
        }
    }
    return marked;
}

class BpeTokenizer final : public Tokenizer {
 public:
    explicit BpeTokenizer(BpeParts parts);

    [[nodiscard]] Result<std::vector<int32_t>> encode(std::string_view text) const override;
    [[nodiscard]] Result<std::string> decode(std::span<const int32_t> ids) const override;
    [[nodiscard]] std::string tokenText(int32_t id) const override;
    [[nodiscard]] int64_t vocabulary() const override { return static_cast<int64_t>(m_parts.tokens.size()); }
    [[nodiscard]] std::optional<int32_t> bos() const override { return m_parts.bos; }
    [[nodiscard]] std::optional<int32_t> eos() const override { return m_parts.eos; }
    [[nodiscard]] bool addsBos() const override { return m_parts.addsBos; }

 private:
    [[nodiscard]] const SpecialToken* specialAt(std::string_view rest) const;
    [[nodiscard]] Status encodeFragment(std::string_view text, bool first, std::vector<int32_t>& ids) const;
    void encodePiece(std::string_view piece, std::vector<int32_t>& symbols, std::vector<int32_t>& ids) const;
    void firstSymbols(std::string_view piece, std::vector<int32_t>& symbols) const;
    [[nodiscard]] int32_t idOf(std::string_view token) const;
    [[nodiscard]] std::string spellBytes(std::string_view piece) const;

    BpeParts m_parts;
    TextIndex m_index;
    std::array<int32_t, 256> m_byteTokens{};
    std::unordered_map<std::string, unsigned char, TextHash, std::equal_to<>> m_bytes;  ///< spelling to byte
    std::vector<bool> m_literal;                           ///< control tokens by id
    std::array<std::vector<size_t>, 256> m_specialByByte;  ///< longest first
};

BpeTokenizer::BpeTokenizer(BpeParts parts) : m_parts(std::move(parts)), m_literal(m_parts.tokens.size()) {
    m_index.reserve(m_parts.tokens.size());
    for (size_t id = 0; id < m_parts.tokens.size(); ++id) {
        m_index.try_emplace(m_parts.tokens[id], static_cast<int32_t>(id));
    }
    for (size_t byte = 0; byte < 256; ++byte) {
        const std::string& spelling = byteSpellings()[byte];
        m_bytes[spelling] = static_cast<unsigned char>(byte);
        m_byteTokens[byte] =
            idOf(m_parts.alphabet == TokenAlphabet::ByteLevel ? spelling : fmt::format("<0x{:02X}>", byte));
    }
    for (const int32_t id : m_parts.control) m_literal[static_cast<size_t>(id)] = true;
    std::ranges::stable_sort(m_parts.special,
                             [](const auto& a, const auto& b) { return a.text.size() > b.text.size(); });
    for (size_t i = 0; i < m_parts.special.size(); ++i) {
        const std::string& text = m_parts.special[i].text;
        if (!text.empty()) m_specialByByte[static_cast<unsigned char>(text[0])].push_back(i);
    }
}

int32_t BpeTokenizer::idOf(std::string_view token) const {
    const auto found = m_index.find(token);
    return found == m_index.end() ? -1 : found->second;
}

std::string BpeTokenizer::spellBytes(std::string_view piece) const {
    std::string spelled;
    spelled.reserve(piece.size() * 2);
    for (const char c : piece) spelled += byteSpellings()[static_cast<unsigned char>(c)];
    return spelled;
}

const SpecialToken* BpeTokenizer::specialAt(std::string_view rest) const {
    for (const size_t i : m_specialByByte[static_cast<unsigned char>(rest[0])]) {
        if (rest.starts_with(m_parts.special[i].text)) return &m_parts.special[i];
    }
    return nullptr;
}

Result<std::vector<int32_t>> BpeTokenizer::encode(std::string_view text) const {
    if (const auto bad = firstInvalidUtf8(text)) {
        return fail(ErrorKind::InvalidArgument, fmt::format("the text is not valid UTF-8 at byte {}", *bad),
                    "text", "Save the text as UTF-8.");
    }
    std::vector<int32_t> ids;
    ids.reserve(text.size() / 3);
    size_t from = 0;
    bool first = true;
    const auto flush = [&](std::string_view fragment) -> Status {
        if (fragment.empty()) return {};
        return encodeFragment(fragment, std::exchange(first, false), ids);
    };
    for (size_t at = 0; at < text.size();) {
        const SpecialToken* special = specialAt(text.substr(at));
        if (!special) {
            ++at;
            continue;
        }
        std::string_view before = text.substr(from, at - from);
        if (special->eatsSpaceBefore) before = before.substr(0, before.find_last_not_of(kSpaces) + 1);
        if (const Status done = flush(before); !done) return fail(done.error());
        ids.push_back(special->id);
        first = false;
        at += special->text.size();
        if (special->eatsSpaceAfter) at = std::min(text.find_first_not_of(kSpaces, at), text.size());
        from = at;
    }
    if (const Status done = flush(text.substr(from)); !done) return fail(done.error());
    return ids;
}

Status BpeTokenizer::encodeFragment(std::string_view text, bool first, std::vector<int32_t>& ids) const {
    std::string changed;
    const bool prefix = m_parts.spacePrefix == SpacePrefix::EveryFragment ||
                        (m_parts.spacePrefix == SpacePrefix::FirstFragment && first);
    if (m_parts.alphabet == TokenAlphabet::Characters) {
        if (prefix) changed = kSpaceMark;
        changed += withSpaceMarks(text);
        text = changed;
    } else if (prefix && text[0] != ' ') {
        changed = " ";
        changed += text;
        text = changed;
    }
    const auto pieces = m_parts.preTokenizer.split(text);
    if (!pieces) return fail(pieces.error());
    std::vector<int32_t> symbols;
    for (const std::string_view piece : *pieces) encodePiece(piece, symbols, ids);
    return {};
}

void BpeTokenizer::firstSymbols(std::string_view piece, std::vector<int32_t>& symbols) const {
    const auto push = [&](int32_t id) {
        if (id < 0) id = m_parts.unknown.value_or(-1);
        if (id >= 0) symbols.push_back(id);  // without an unknown token, what has no token is left out
    };
    if (m_parts.alphabet == TokenAlphabet::ByteLevel) {
        for (const char c : piece) push(m_byteTokens[static_cast<unsigned char>(c)]);
        return;
    }
    for (size_t at = 0; at < piece.size();) {
        const std::string_view character = piece.substr(at, characterLength(piece[at]));
        at += character.size();
        const int32_t id = idOf(character);
        if (id >= 0) {
            symbols.push_back(id);
        } else {
            for (const char c : character) push(m_byteTokens[static_cast<unsigned char>(c)]);
        }
    }
}

void BpeTokenizer::encodePiece(std::string_view piece, std::vector<int32_t>& symbols,
                               std::vector<int32_t>& ids) const {
    if (m_parts.ignoreMerges) {
        const int32_t whole =
            m_parts.alphabet == TokenAlphabet::ByteLevel ? idOf(spellBytes(piece)) : idOf(piece);
        if (whole >= 0) {
            ids.push_back(whole);
            return;
        }
    }
    symbols.clear();
    firstSymbols(piece, symbols);
    m_parts.merges.apply(symbols);
    ids.insert(ids.end(), symbols.begin(), symbols.end());
}

std::string BpeTokenizer::tokenText(int32_t id) const {
    if (id < 0 || id >= vocabulary()) return {};
    const std::string& token = m_parts.tokens[static_cast<size_t>(id)];
    if (m_literal[static_cast<size_t>(id)]) return token;
    std::string text;
    if (m_parts.alphabet == TokenAlphabet::Characters) {
        if (const auto byte = byteNamed(token)) return {*byte};
        for (size_t at = 0; at < token.size();) {
            const std::string_view character = std::string_view(token).substr(at, characterLength(token[at]));
            text += character == kSpaceMark ? " " : character;
            at += character.size();
        }
        return text;
    }
    for (size_t at = 0; at < token.size();) {
        const std::string_view character = std::string_view(token).substr(at, characterLength(token[at]));
        const auto byte = m_bytes.find(character);
        if (byte == m_bytes.end()) return token;  // an added token, spelled as text
        text += static_cast<char>(byte->second);
        at += character.size();
    }
    return text;
}

Result<std::string> BpeTokenizer::decode(std::span<const int32_t> ids) const {
    std::string text;
    for (const int32_t id : ids) {
        if (id < 0 || id >= vocabulary()) {
            return fail(ErrorKind::InvalidArgument,
                        fmt::format("token {} is outside the vocabulary of {}", id, vocabulary()), "tokens");
        }
        text += tokenText(id);
    }
    // The space that encode() put in front is not the text's.
    const bool prefixed = m_parts.spacePrefix != SpacePrefix::Never;
    if (prefixed && m_parts.alphabet == TokenAlphabet::Characters && text.starts_with(' ')) text.erase(0, 1);
    return text;
}

}  // namespace

const std::array<std::string, 256>& byteSpellings() {
    static const std::array<std::string, 256> spellings = [] {
        std::array<std::string, 256> table;
        unsigned next = 0x100;
        for (unsigned byte = 0; byte < 256; ++byte) {
            const bool printable =
                (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
            const unsigned point = printable ? byte : next++;
            if (point < 0x80) {
                table[byte] = static_cast<char>(point);
            } else {
                table[byte] = {static_cast<char>(0xC0 | (point >> 6)),
                               static_cast<char>(0x80 | (point & 0x3F))};
            }
        }
        return table;
    }();
    return spellings;
}

MergeTable mergesFromScores(const std::vector<std::string>& tokens, const std::vector<double>& scores) {
    std::vector<double> levels(scores);
    std::ranges::sort(levels, std::greater<>());
    levels.erase(std::unique(levels.begin(), levels.end()), levels.end());
    TextIndex index;
    index.reserve(tokens.size());
    for (size_t id = 0; id < tokens.size(); ++id) index.try_emplace(tokens[id], static_cast<int32_t>(id));
    MergeTable merges;
    merges.reserve(tokens.size() * 4);
    for (const auto& [text, id] : index) {
        const auto level =
            std::ranges::lower_bound(levels, scores[static_cast<size_t>(id)], std::greater<>());
        const auto rank = static_cast<int32_t>(level - levels.begin());
        for (size_t cut = characterLength(text.empty() ? 'a' : text[0]); cut < text.size();
             cut += characterLength(text[cut])) {
            const auto left = index.find(std::string_view(text).substr(0, cut));
            const auto right = index.find(std::string_view(text).substr(cut));
            if (left != index.end() && right != index.end())
                merges.add(left->second, right->second, {rank, id});
        }
    }
    return merges;
}

std::shared_ptr<const Tokenizer> makeBpeTokenizer(BpeParts parts) {
    return std::make_shared<const BpeTokenizer>(std::move(parts));
}

}  // namespace quantscope
