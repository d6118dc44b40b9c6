#include "engine/logs/json_text.h"

#include <array>
#include <bit>
#include <cstring>

namespace berth::logs {

namespace {

constexpr char kHex[] = "0123456789abcdef";

// The length of the UTF-8 character at the front, 0 if there is none (overlong, surrogate, truncated).
std::size_t character_size(std::string_view text) {
    auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
    auto tail = [&](std::size_t i) { return (byte(i) & 0xC0) == 0x80; };
    unsigned a = byte(0), b = byte(1);
    if (a < 0x80) return 1;
    if (a >= 0xC2 && a <= 0xDF) return tail(1) ? 2 : 0;
    if (a >= 0xE0 && a <= 0xEF) {
        bool good = tail(1) && tail(2) && !(a == 0xE0 && b < 0xA0) && !(a == 0xED && b > 0x9F);
        return good ? 3 : 0;
    }
    if (a >= 0xF0 && a <= 0xF4) {
        bool good = tail(1) && tail(2) && tail(3) && !(a == 0xF0 && b < 0x90) && !(a == 0xF4 && b > 0x8F);
        return good ? 4 : 0;
    }
    return 0;
}

void append_ascii(std::string& out, char c) {
    switch (c) {
        case '"':
            out += "\\\"";
            return;
        case '\\':
            out += "\\\\";
            return;
        case '\n':
            out += "\\n";
            return;
        case '\r':
            out += "\\r";
            return;
        default:
            break;
    }
    auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && c != '<' && c != '>' && c != '&') {
        out += c;
        return;
    }
    out += "\\u00";
    out += kHex[byte >> 4];
    out += kHex[byte & 15];
}

using Block = signed char __attribute__((vector_size(16)));

// For one byte as for a block of them: whether it stands for itself in what is written.
constexpr auto is_plain = [](auto c) {
    // What is no ASCII is negative.
    return (c >= 0x20) & (c != '"') & (c != '\\') & (c != '<') & (c != '>') & (c != '&');
};
// Whether it neither ends nor escapes in what is read.
constexpr auto is_text = [](auto c) { return (c != '"') & (c != '\\'); };

// How many bytes at the front are all of a kind.
template <auto kKind>
std::size_t run(std::string_view text) {
    std::size_t size = 0;
    for (; text.size() - size >= sizeof(Block); size += sizeof(Block)) {
        Block block;
        std::memcpy(&block, text.data() + size, sizeof block);
        const auto good = std::bit_cast<std::array<std::uint64_t, 2>>(kKind(block));
        if ((good[0] & good[1]) == ~std::uint64_t{0}) continue;
        if constexpr (std::endian::native == std::endian::little) {
            const auto same = [](std::uint64_t half) {
                return static_cast<std::size_t>(std::countr_one(half)) / 8;
            };
            return size + (same(good[0]) < 8 ? same(good[0]) : 8 + same(good[1]));
        }
        break;
    }
    while (size < text.size() && kKind(static_cast<signed char>(text[size]))) ++size;
    return size;
}

void append_utf8(std::string& out, std::uint32_t c) {
    if (c < 0x80) {
        out += static_cast<char>(c);
    } else if (c < 0x800) {
        out += static_cast<char>(0xC0 | c >> 6);
        out += static_cast<char>(0x80 | (c & 63));
    } else if (c < 0x10000) {
        out += static_cast<char>(0xE0 | c >> 12);
        out += static_cast<char>(0x80 | (c >> 6 & 63));
        out += static_cast<char>(0x80 | (c & 63));
    } else {
        out += static_cast<char>(0xF0 | c >> 18);
        out += static_cast<char>(0x80 | (c >> 12 & 63));
        out += static_cast<char>(0x80 | (c >> 6 & 63));
        out += static_cast<char>(0x80 | (c & 63));
    }
}

}  // namespace

void append_escaped(std::string& out, std::string_view text) {
    while (!text.empty()) {
        if (std::size_t plain = run<is_plain>(text); plain > 0) {
            out += text.substr(0, plain);
            text.remove_prefix(plain);
            continue;
        }
        std::size_t size = character_size(text);
        if (size == 1) {
            append_ascii(out, text[0]);
        } else if (size == 0) {
            out += "\\ufffd";
            size = 1;
        } else if (text.starts_with("\xE2\x80\xA8") || text.starts_with("\xE2\x80\xA9")) {
            out += "\\u202";
            out += kHex[static_cast<unsigned char>(text[2]) & 15];
        } else {
            out += text.substr(0, size);
        }
        text.remove_prefix(size);
    }
}

bool is_utf8(std::string_view text) {
    while (!text.empty()) {
        text.remove_prefix(run<is_plain>(text));
        if (text.empty()) break;
        std::size_t size = character_size(text);
        if (size == 0) return false;
        text.remove_prefix(size);
    }
    return true;
}

bool JsonScanner::take_string(std::string& out) {
    if (!take('"')) return false;
    while (!rest_.empty()) {
        const std::size_t plain = run<is_text>(rest_);
        if (plain == rest_.size()) return false;
        out.append(rest_, 0, plain);
        const bool end = rest_[plain] == '"';
        rest_.remove_prefix(plain + 1);
        if (end) return true;
        if (!take_escape(out)) return false;
    }
    return false;
}

bool JsonScanner::take_view(std::string_view& out, std::string& unescaped) {
    skip_space();
    if (rest_.empty() || rest_.front() != '"') return false;
    const std::string_view inside = rest_.substr(1);
    const std::size_t plain = run<is_text>(inside);
    if (plain == inside.size()) return false;
    if (inside[plain] == '"') {
        out = inside.substr(0, plain);
        rest_ = inside.substr(plain + 1);
        return true;
    }
    unescaped.clear();
    if (!take_string(unescaped)) return false;
    out = unescaped;
    return true;
}

bool JsonScanner::take_attributes(std::vector<std::pair<std::string, std::string>>& out) {
    const std::string_view before = rest_;
    if (take_texts(out)) return true;
    out.clear();
    rest_ = before;
    return skip_value();
}

bool JsonScanner::take_texts(std::vector<std::pair<std::string, std::string>>& out) {
    if (!take('{')) return false;
    if (take('}')) return true;
    do {
        auto& [name, value] = out.emplace_back();
        if (!take_string(name) || !take(':') || !take_string(value)) return false;
    } while (take(','));
    return take('}');
}

bool JsonScanner::skip_value() {
    skip_space();
    std::string ignored;
    if (!rest_.empty() && rest_.front() == '"') return take_string(ignored);
    int depth = 0;
    while (!rest_.empty()) {
        char c = rest_.front();
        if (c == '"') {
            if (!take_string(ignored)) return false;
            continue;
        }
        if (depth == 0 && (c == ',' || c == '}')) return true;
        if (c == '{' || c == '[') ++depth;
        if (c == '}' || c == ']') --depth;
        rest_.remove_prefix(1);
    }
    return false;
}

bool JsonScanner::take_hex(std::uint32_t& value) {
    if (rest_.size() < 4) return false;
    value = 0;
    for (char c : rest_.substr(0, 4)) {
        int digit = c >= '0' && c <= '9'   ? c - '0'
                    : c >= 'a' && c <= 'f' ? c - 'a' + 10
                    : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                           : -1;
        if (digit < 0) return false;
        value = value * 16 + static_cast<std::uint32_t>(digit);
    }
    rest_.remove_prefix(4);
    return true;
}

bool JsonScanner::take_escape(std::string& out) {
    if (rest_.empty()) return false;
    char c = rest_.front();
    rest_.remove_prefix(1);
    switch (c) {
        case 'n':
            out += '\n';
            return true;
        case 'r':
            out += '\r';
            return true;
        case 't':
            out += '\t';
            return true;
        case 'b':
            out += '\b';
            return true;
        case 'f':
            out += '\f';
            return true;
        case 'u':
            break;
        default:
            out += c;
            return true;
    }
    std::uint32_t value = 0, low = 0;
    if (!take_hex(value)) return false;
    bool high = value >= 0xD800 && value < 0xDC00;
    if (high && rest_.starts_with("\\u")) {
        rest_.remove_prefix(2);
        if (!take_hex(low)) return false;
        value = low >= 0xDC00 && low < 0xE000 ? 0x10000 + ((value - 0xD800) << 10) + (low - 0xDC00) : 0xFFFD;
    }
    append_utf8(out, value >= 0xD800 && value < 0xE000 ? 0xFFFD : value);
    return true;
}

}  // namespace berth::logs
