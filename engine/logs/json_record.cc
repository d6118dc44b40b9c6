#include "engine/logs/json_record.h"

#include <cstdint>

#include "engine/logs/json_text.h"

namespace berth::logs {

namespace {

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
    if (const std::int64_t rest = count % kSecond; rest != 0) {
        char digits[10] = {'.'};
        auto left = static_cast<std::uint32_t>(rest);
        for (int i = 9; i > 0; --i, left /= 10) digits[i] = static_cast<char>('0' + left % 10);
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
    struct Known {
        char text[kSeconds];
        Timestamp second;
    };
    thread_local constinit Known known{};
    if (text.substr(0, kSeconds) != std::string_view(known.text, kSeconds)) {
        BERTH_TRY(known.second, parse_rfc3339(std::string(text.substr(0, kSeconds)) + 'Z'));
        text.copy(known.text, kSeconds);
    }
    std::int64_t fraction = 0, unit = 1'000'000'000;
    for (char c : text.substr(kSeconds + 1, text.size() - kSeconds - 2)) {
        if (c < '0' || c > '9') return parse_rfc3339(text);
        fraction = fraction * 10 + (c - '0');
        unit /= 10;
    }
    return known.second + std::chrono::nanoseconds(fraction * unit);
}

// What append_json_record() writes, most of the time; false for anything else.
bool parse_own_line(std::string_view line, Record& record) {
    JsonScanner scan(line);
    record.text.clear();
    record.attributes.clear();
    if (!scan.take_exactly("{\"log\":") || !scan.take_string(record.text)) return false;
    record.stream = Stream::kStdout;
    if (!scan.take_exactly(R"(,"stream":"stdout","time":)")) {
        record.stream = Stream::kStderr;
        if (!scan.take_exactly(R"(,"stream":"stderr","time":)")) return false;
    }
    std::string_view time;
    std::string unescaped;
    if (!scan.take_view(time, unescaped) || !scan.take_exactly("}")) return false;
    auto parsed = parse_time(time);
    if (parsed) record.time = *parsed;
    return parsed.has_value();
}

// False if it is damaged.
bool parse_line(std::string_view line, Record& record) {
    if (parse_own_line(line, record)) return true;
    JsonScanner scan(line);
    record.text.clear();
    record.attributes.clear();
    std::string_view key, stream, time;
    std::string unescaped_key, unescaped_stream, unescaped_time;
    if (!scan.take('{')) return false;
    do {
        if (!scan.take_view(key, unescaped_key) || !scan.take(':')) return false;
        bool good = key == "log"      ? scan.take_string(record.text)
                    : key == "stream" ? scan.take_view(stream, unescaped_stream)
                    : key == "time"   ? scan.take_view(time, unescaped_time)
                    : key == "attrs"  ? scan.take_attributes(record.attributes)
                                      : scan.skip_value();
        if (!good) return false;
    } while (scan.take(','));
    if (!scan.take('}')) return false;
    auto parsed = parse_time(time);
    if (!parsed) return false;
    record.time = *parsed;
    record.stream = stream == "stderr" ? Stream::kStderr : Stream::kStdout;
    return true;
}

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

Taken take_json_record(std::string_view bytes, Record& record) {
    const auto end = bytes.find('\n');
    if (end == std::string_view::npos) return {};
    return {end + 1, parse_line(bytes.substr(0, end), record)};
}

std::optional<std::string> json_text_field(std::string_view line, std::string_view key) {
    JsonScanner scan(line);
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
