#include "engine/logs/rendering.h"

#include <algorithm>
#include <cctype>

namespace berth::logs {

namespace {

void append_query(std::string& out, std::string_view text) {
    constexpr char kHex[] = "0123456789ABCDEF";
    for (char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (std::isalnum(byte) != 0 || c == '-' || c == '_' || c == '.' || c == '~') {
            out += c;
        } else if (c == ' ') {
            out += '+';
        } else {
            out += {'%', kHex[byte >> 4], kHex[byte & 15]};
        }
    }
}

void append_details(std::string& out, const Record& record) {
    auto attributes = record.attributes;
    std::sort(attributes.begin(), attributes.end());
    bool first = true;
    for (const auto& [name, value] : attributes) {
        if (!std::exchange(first, false)) out += ',';
        append_query(out, name);
        out += '=';
        append_query(out, value);
    }
    out += ' ';
}

}  // namespace

void append_rendered(std::string& out, const Record& record, const Rendering& how) {
    constexpr std::size_t kHead = 8;
    const std::size_t start = out.size();
    if (how.framed) out.append(kHead, '\0');
    if (how.timestamps) {
        out += format_rfc3339_fixed(record.time);
        out += ' ';
    }
    if (how.details) append_details(out, record);
    out += record.text;
    if (!how.framed) return;
    const std::size_t size = out.size() - start - kHead;
    out[start] = static_cast<char>(record.stream);
    for (std::size_t i = 0; i < 4; ++i) out[start + 4 + i] = static_cast<char>(size >> (24 - 8 * i));
}

}  // namespace berth::logs
