#include "network/names/dns_message.h"

#include <algorithm>
#include <charconv>

namespace berth::network::dns {
namespace {

// Header: id, flags (QR opcode AA TC RD | RA Z AD CD rcode), then four counts; each 16 bits, big-endian.
constexpr std::uint8_t kResponse = 0x80, kOpcode = 0x78, kTruncated = 0x02, kRecursion = 0x01;
constexpr std::uint8_t kRecursionAvailable = 0x80;
constexpr std::uint32_t kTtl = 600;  // seconds; Docker's

std::uint16_t number_at(std::string_view bytes, std::size_t at) {
    return static_cast<std::uint16_t>(static_cast<unsigned char>(bytes[at]) << 8 |
                                      static_cast<unsigned char>(bytes[at + 1]));
}

void put_number(std::string& out, std::uint16_t number) {
    out += static_cast<char>(number >> 8);
    out += static_cast<char>(number & 0xff);
}

char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

// Appends the name at `at` and moves behind it.
bool read_name(std::string_view message, std::size_t& at, std::string& name) {
    while (at < message.size()) {
        const auto length = static_cast<unsigned char>(message[at++]);
        if (length == 0) return true;
        if (length > 63 || at + length > message.size() || name.size() + length > 254) return false;
        if (!name.empty()) name += '.';
        for (char c : message.substr(at, length)) name += lower(c);
        at += length;
    }
    return false;
}

constexpr std::size_t kLeast = 512, kMost = 4096;  // of an answer by UDP

// The size that an EDNS record directly behind the question allows.
std::optional<std::size_t> edns_limit(std::string_view message, std::size_t at) {
    const bool only_additional = number_at(message, 6) == 0 && number_at(message, 8) == 0;
    if (!only_additional || number_at(message, 10) == 0 || at + 5 > message.size()) return std::nullopt;
    if (message[at] != 0 || number_at(message, at + 1) != kOpt) return std::nullopt;
    return std::clamp<std::size_t>(number_at(message, at + 3), kLeast, kMost);
}

// The root's name, the kind, what we take, no flags, no options (RFC 6891).
std::string edns_record() {
    std::string row(1, '\0');
    put_number(row, kOpt);
    put_number(row, kMost);
    return row.append(6, '\0');
}

}  // namespace

std::uint16_t id_of(std::string_view message) {
    return message.size() < 2 ? 0 : number_at(message, 0);
}

void set_id(std::string& message, std::uint16_t id) {
    message[0] = static_cast<char>(id >> 8);
    message[1] = static_cast<char>(id & 0xff);
}

std::uint8_t code_of(std::string_view answer) {
    if (answer.size() < kHeaderSize || !(static_cast<unsigned char>(answer[2]) & kResponse))
        return kFormatError;
    return static_cast<std::uint8_t>(answer[3] & 0x0f);
}

std::optional<Question> parse_question(std::string_view message) {
    if (message.size() < kHeaderSize) return std::nullopt;
    const auto flags = static_cast<unsigned char>(message[2]);
    if ((flags & (kResponse | kOpcode)) != 0 || number_at(message, 4) != 1) return std::nullopt;
    Question question;
    question.id = number_at(message, 0);
    question.recursion_desired = flags & kRecursion;
    std::size_t at = kHeaderSize;
    if (!read_name(message, at, question.name) || at + 4 > message.size()) return std::nullopt;
    question.type = number_at(message, at);
    question.dns_class = number_at(message, at + 2);
    question.end = at + 4;
    const auto limit = edns_limit(message, question.end);
    question.edns = limit.has_value();
    question.limit = limit.value_or(kLeast);
    return question;
}

bool same_question(std::string_view query, const Question& question, std::string_view answer) {
    return answer.size() >= question.end && number_at(answer, 4) == 1 &&
           std::equal(query.begin() + kHeaderSize, query.begin() + static_cast<std::ptrdiff_t>(question.end),
                      answer.begin() + kHeaderSize, [](char a, char b) { return lower(a) == lower(b); });
}

std::string make_answer(std::string_view query, const Question& question, std::uint8_t code,
                        const std::vector<Record>& records, std::size_t limit) {
    std::string body;
    const auto tail = question.edns ? edns_record() : std::string();
    std::uint16_t count = 0;
    for (const auto& record : records) {
        std::string row("\xc0\x0c", 2);  // the question's name
        put_number(row, record.type);
        put_number(row, question.dns_class);
        put_number(row, kTtl >> 16);
        put_number(row, kTtl & 0xffff);
        put_number(row, static_cast<std::uint16_t>(record.data.size()));
        row += record.data;
        if (question.end + body.size() + row.size() + tail.size() > limit) break;
        body += row;
        ++count;
    }
    std::string out;
    put_number(out, question.id);
    out += static_cast<char>(kResponse | (count < records.size() ? kTruncated : 0) |
                             (question.recursion_desired ? kRecursion : 0));
    out += static_cast<char>(kRecursionAvailable | code);
    put_number(out, 1);
    put_number(out, count);
    put_number(out, 0);
    put_number(out, question.edns ? 1 : 0);
    out += query.substr(kHeaderSize, question.end - kHeaderSize);
    return out + body + tail;
}

std::optional<std::string> encode_name(std::string_view name) {
    std::string out;
    while (!name.empty()) {
        const auto label = name.substr(0, name.find('.'));
        if (label.empty() || label.size() > 63) return std::nullopt;
        out += static_cast<char>(label.size());
        out += label;
        name.remove_prefix(std::min(label.size() + 1, name.size()));
    }
    out += '\0';
    if (out.size() > 255) return std::nullopt;
    return out;
}

std::optional<std::string> reverse_address(std::string_view name) {
    const bool v6 = name.ends_with(".ip6.arpa");
    const std::string_view suffix = v6 ? ".ip6.arpa" : ".in-addr.arpa";
    if (!name.ends_with(suffix)) return std::nullopt;
    name.remove_suffix(suffix.size());
    std::vector<unsigned> parts;
    while (!name.empty()) {
        const auto dot = std::min(name.find('.'), name.size());
        unsigned value = 0;
        const auto [end, error] = std::from_chars(name.data(), name.data() + dot, value, v6 ? 16 : 10);
        if (error != std::errc() || end != name.data() + dot || value > (v6 ? 15U : 255U))
            return std::nullopt;
        parts.push_back(value);
        name.remove_prefix(std::min(dot + 1, name.size()));
    }
    if (parts.size() != (v6 ? 32U : 4U)) return std::nullopt;
    std::reverse(parts.begin(), parts.end());
    std::string bytes;
    for (std::size_t i = 0; i < parts.size(); i += v6 ? 2 : 1)
        bytes += static_cast<char>(v6 ? parts[i] << 4 | parts[i + 1] : parts[i]);
    return bytes;
}

}  // namespace berth::network::dns
