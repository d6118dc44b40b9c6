#include "engine/base/log.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>

#include "engine/base/time.h"

namespace berth::log {

namespace {

std::atomic<Level> minimum{Level::kInfo};
std::atomic<Format> format{Format::kText};

constexpr std::string_view kNames[] = {"debug", "info", "warning", "error", "fatal"};

bool needs_quotes(std::string_view text) {
    auto bare = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
               c == '.' || c == '_' || c == '/' || c == '@' || c == '^' || c == '+';
    };
    return text.empty() || !std::all_of(text.begin(), text.end(), bare);
}

void append_quoted(std::string& out, std::string_view text) {
    out += '"';
    for (char c : text) {
        switch (c) {
            case '"':
                out += "\\\"";
                break;
            case '\\':
                out += "\\\\";
                break;
            case '\n':
                out += "\\n";
                break;
            case '\r':
                out += "\\r";
                break;
            case '\t':
                out += "\\t";
                break;
            default:
                if (static_cast<unsigned char>(c) < 0x20) {
                    fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<unsigned>(c));
                } else {
                    out += c;
                }
        }
    }
    out += '"';
}

std::string text_line(std::string_view time, Level level, std::string_view message, Fields fields) {
    std::string line = fmt::format("time=\"{}\" level={} msg=", time, kNames[static_cast<int>(level)]);
    append_quoted(line, message);
    for (const Field& field : fields) {
        line += ' ';
        line += field.key;
        line += '=';
        if (needs_quotes(field.value)) {
            append_quoted(line, field.value);
        } else {
            line += field.value;
        }
    }
    return line;
}

std::string json_line(std::string_view time, Level level, std::string_view message, Fields fields) {
    std::string line = "{";
    for (const Field& field : fields) {
        append_quoted(line, field.key);
        line += ':';
        append_quoted(line, field.value);
        line += ',';
    }
    line += fmt::format("\"level\":\"{}\",\"msg\":", kNames[static_cast<int>(level)]);
    append_quoted(line, message);
    line += fmt::format(",\"time\":\"{}\"}}", time);
    return line;
}

}  // namespace

void configure(Level level, Format new_format) {
    minimum = level;
    format = new_format;
}

bool parse_level(std::string_view name, Level& level) {
    if (name == "warn") name = "warning";
    auto found = std::find(std::begin(kNames), std::end(kNames), name);
    if (found == std::end(kNames)) return false;
    level = static_cast<Level>(found - std::begin(kNames));
    return true;
}

bool enabled(Level level) {
    return level >= minimum.load(std::memory_order_relaxed);
}

void write(Level level, std::string_view message, Fields fields) {
    if (!enabled(level)) return;
    std::string time = format_rfc3339_nano(now());
    std::string line = format == Format::kJson ? json_line(time, level, message, fields)
                                               : text_line(time, level, message, fields);
    line += '\n';
    // A log that cannot be written has nowhere to say so.
    [[maybe_unused]] ssize_t written = ::write(STDERR_FILENO, line.data(), line.size());
}

}  // namespace berth::log
