#include "engine/logs/json_record.h"

#include <algorithm>
#include <cstdint>

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

// Whether the byte stands for itself.
constexpr bool is_plain(char c) {
    auto byte = static_cast<unsigned char>(c);
    return byte >= 0x20 && byte < 0x80 && c != '"' && c != '\\' && c != '<' && c != '>' && c != '&';
}

std::size_t plain_size(std::string_view text) {
    std::size_t size = 0;
    while (size < text.size() && is_plain(text[size])) ++size;
    return size;
}

void append_escaped(std::string& out, std::string_view text) {
    while (!text.empty()) {
        if (std::size_t plain = plain_size(text); plain > 0) {
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

// As format_rfc3339_nano(); of many records in one second only the first pays for the calendar.
void append_time(std::string& out, Timestamp time) {
    constexpr std::int64_t kSecond = 1'000'000'000;
    const std::int64_t count = time.time_since_epoch().count();
    if (count < 0) {
        out += format_rfc3339_nano(time);
        return;
    }
    thread_local std::int64_t second = -1;
    thread_local std::string text;
    if (count / kSecond != second) {
        second = count / kSecond;
        text = format_rfc3339_nano(Timestamp(std::chrono::seconds(second)));
        text.pop_back();  // Z
    }
    out += text;
    if (std::int64_t rest = count % kSecond; rest != 0) {
        char digits[10] = {'.'};
        for (int i = 9; i > 0; --i, rest /= 10) digits[i] = static_cast<char>('0' + rest % 10);
        std::size_t size = sizeof digits;
        while (digits[size - 1] == '0') --size;
        out.append(digits, size);
    }
    out += 'Z';
}

// As parse_rfc3339(), quickly for what append_time() has written.
Result<Timestamp> parse_time(std::string_view text) {
    constexpr std::size_t kSeconds = 19, kLeast = 21,
                          kMost = 30;  // "2026-11-21T01:20:00", ".1Z", ".123456789Z"
    if (text.size() < kLeast || text.size() > kMost || text[kSeconds] != '.' || text.back() != 'Z')
        return parse_rfc3339(text);
    thread_local std::string known;
    thread_local Timestamp second{};
    if (text.substr(0, kSeconds) != known) {
        BERTH_TRY(second, parse_rfc3339(std::string(text.substr(0, kSeconds)) + 'Z'));
        known = text.substr(0, kSeconds);
    }
    std::int64_t fraction = 0, unit = 1'000'000'000;
    for (char c : text.substr(kSeconds + 1, text.size() - kSeconds - 2)) {
        if (c < '0' || c > '9') return parse_rfc3339(text);
        fraction = fraction * 10 + (c - '0');
        unit /= 10;
    }
    return second + std::chrono::nanoseconds(fraction * unit);
}

// Walks one flat JSON object; nested values are skipped.
class Scanner {
 public:
    explicit Scanner(std::string_view text) : rest_(text) {}

    bool take(char c) {
        skip_space();
        if (rest_.empty() || rest_.front() != c) return false;
        rest_.remove_prefix(1);
        return true;
    }

    bool take_string(std::string& out) {
        if (!take('"')) return false;
        while (!rest_.empty()) {
            auto plain = rest_.find('"');
            if (plain == std::string_view::npos) return false;
            plain = std::min(plain, rest_.substr(0, plain).find('\\'));
            out += rest_.substr(0, plain);
            bool end = rest_[plain] == '"';
            rest_.remove_prefix(plain + 1);
            if (end) return true;
            if (!take_escape(out)) return false;
        }
        return false;
    }

    // A flat object of texts; anything else is passed over.
    bool take_attributes(std::vector<std::pair<std::string, std::string>>& out) {
        const std::string_view before = rest_;
        if (take_texts(out)) return true;
        out.clear();
        rest_ = before;
        return skip_value();
    }

    bool take_texts(std::vector<std::pair<std::string, std::string>>& out) {
        if (!take('{')) return false;
        if (take('}')) return true;
        do {
            auto& [name, value] = out.emplace_back();
            if (!take_string(name) || !take(':') || !take_string(value)) return false;
        } while (take(','));
        return take('}');
    }

    bool skip_value() {
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

 private:
    void skip_space() {
        while (!rest_.empty() && (rest_.front() == ' ' || rest_.front() == '\t')) rest_.remove_prefix(1);
    }

    bool take_hex(std::uint32_t& value) {
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

    bool take_escape(std::string& out) {
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
            value =
                low >= 0xDC00 && low < 0xE000 ? 0x10000 + ((value - 0xD800) << 10) + (low - 0xDC00) : 0xFFFD;
        }
        append_utf8(out, value >= 0xD800 && value < 0xE000 ? 0xFFFD : value);
        return true;
    }

    std::string_view rest_;
};

}  // namespace

std::string json_object(const Options& members) {
    std::string out;
    for (const auto& [name, value] : members) {
        out += out.empty() ? "{\"" : ",\"";
        append_escaped(out, name);
        out += "\":\"";
        append_escaped(out, value);
        out += '"';
    }
    return out.empty() ? out : out + "}";
}

void append_json_record(std::string& out, Stream stream, Timestamp time, std::string_view line, bool partial,
                        std::string_view attributes) {
    out += '{';
    if (!line.empty() || !partial) {
        out += "\"log\":\"";
        append_escaped(out, line);
        if (!partial) out += "\\n";
        out += "\",";
    }
    out += stream == Stream::kStderr ? "\"stream\":\"stderr\"" : "\"stream\":\"stdout\"";
    if (!attributes.empty()) {
        out += ",\"attrs\":";
        out += attributes;
    }
    out += ",\"time\":\"";
    append_time(out, time);
    out += "\"}\n";
}

std::optional<Record> parse_json_record(std::string_view line) {
    Scanner scan(line);
    Record record;
    std::string stream, time;
    if (!scan.take('{')) return {};
    do {
        std::string key;
        if (!scan.take_string(key) || !scan.take(':')) return {};
        bool good = key == "log"      ? scan.take_string(record.text)
                    : key == "stream" ? scan.take_string(stream)
                    : key == "time"   ? scan.take_string(time)
                    : key == "attrs"  ? scan.take_attributes(record.attributes)
                                      : scan.skip_value();
        if (!good) return {};
    } while (scan.take(','));
    if (!scan.take('}')) return {};
    auto parsed = parse_time(time);
    if (!parsed) return {};
    record.time = *parsed;
    record.stream = stream == "stderr" ? Stream::kStderr : Stream::kStdout;
    return record;
}

bool is_utf8(std::string_view text) {
    while (!text.empty()) {
        text.remove_prefix(plain_size(text));
        if (text.empty()) break;
        std::size_t size = character_size(text);
        if (size == 0) return false;
        text.remove_prefix(size);
    }
    return true;
}

Taken take_json_record(std::string_view bytes) {
    auto end = bytes.find('\n');
    if (end == std::string_view::npos) return {};
    return {end + 1, parse_json_record(bytes.substr(0, end))};
}

std::optional<std::string> json_text_field(std::string_view line, std::string_view key) {
    Scanner scan(line);
    if (!scan.take('{')) return {};
    do {
        std::string name, value;
        if (!scan.take_string(name) || !scan.take(':')) return {};
        if (name == key) return scan.take_string(value) ? std::optional(value) : std::nullopt;
        if (!scan.skip_value()) return {};
    } while (scan.take(','));
    return {};
}

}  // namespace berth::logs
