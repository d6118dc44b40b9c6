#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// The part of RFC 1035 that a resolver needs which answers some names and hands on the rest. No system call;
// every length is checked, compression is never followed.
namespace berth::network::dns {

inline constexpr std::uint16_t kA = 1, kPtr = 12, kAaaa = 28, kOpt = 41;
inline constexpr std::uint8_t kNoError = 0, kFormatError = 1, kServerFailure = 2;
inline constexpr std::size_t kHeaderSize = 12;

struct Question {
    std::uint16_t id = 0, type = 0, dns_class = 0;
    bool recursion_desired = false;
    std::string name;         // lower case, labels with dots, none at the end
    std::size_t end = 0;      // of the question section
    bool edns = false;        // the asker knows EDNS, and is answered so
    std::size_t limit = 512;  // how long an answer by UDP may be: what EDNS says, else 512
};

// Nothing for what is no standard query with one question.
std::optional<Question> parse_question(std::string_view message);

struct Record {
    std::uint16_t type = kA;
    std::string data;  // an address in network order, or an encoded name
};

// An answer to `query`, whose question it repeats. Records that do not fit into `limit` are left out and the
// answer is marked as truncated.
std::string make_answer(std::string_view query, const Question& question, std::uint8_t code,
                        const std::vector<Record>& records, std::size_t limit);

// "web.net" as length-prefixed labels; nothing for what is no name.
std::optional<std::string> encode_name(std::string_view name);

// The address that "1.0.17.172.in-addr.arpa" or "….ip6.arpa" asks for, in network order.
std::optional<std::string> reverse_address(std::string_view name);

std::uint16_t id_of(std::string_view message);
void set_id(std::string& message, std::uint16_t id);
// The response code of an answer; kFormatError for what is too short or no answer.
std::uint8_t code_of(std::string_view answer);
// Whether `answer` repeats the question of `query`.
bool same_question(std::string_view query, const Question& question, std::string_view answer);

}  // namespace berth::network::dns
