#include "engine/oci/reference.h"

#include <algorithm>

#include "engine/base/hex.h"
#include "engine/base/ids.h"

namespace berth::oci {
namespace {

// The grammar, as the distribution specification has it:
//   reference  = name [":" tag] ["@" digest]
//   name       = [domain "/"] component *("/" component)
//   domain     = host [":" port]          host = label *("." label) | "[" ipv6 "]"
//   component  = alnum *(separator alnum)  alnum = 1*[a-z0-9]   separator = "." | "_" | "__" | 1*"-"
//   tag        = word *127(word | "." | "-")
//   digest     = algorithm ":" 32*hex
constexpr std::size_t kLongestName = 255;
constexpr std::size_t kLongestTag = 128;
constexpr std::string_view kDefaultDomain = "docker.io";
constexpr std::string_view kLegacyDomain = "index.docker.io";
constexpr std::string_view kOfficial = "library/";

Failure refuse(std::string message) {
    return fail(ErrorKind::kInvalidArgument, std::move(message));
}

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}
bool is_lower(char c) {
    return c >= 'a' && c <= 'z';
}
bool is_letter(char c) {
    return is_lower(c) || (c >= 'A' && c <= 'Z');
}
bool is_hex(char c) {
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

bool is_component(std::string_view text) {
    auto alnum = [](char c) { return is_lower(c) || is_digit(c); };
    std::size_t at = 0;
    while (true) {
        auto start = at;
        while (at < text.size() && alnum(text[at])) ++at;
        if (at == start) return false;
        if (at == text.size()) return true;
        if (text[at] == '.') {
            ++at;
        } else if (text[at] == '_') {
            at += text.substr(at, 2) == "__" ? 2 : 1;
        } else if (text[at] == '-') {
            while (at < text.size() && text[at] == '-') ++at;
        } else {
            return false;
        }
    }
}

bool is_label(std::string_view text) {
    auto alnum = [](char c) { return is_letter(c) || is_digit(c); };
    return !text.empty() && alnum(text.front()) && alnum(text.back()) &&
           std::all_of(text.begin(), text.end(), [&](char c) { return alnum(c) || c == '-'; });
}

bool is_host(std::string_view text) {
    if (text.size() > 2 && text.front() == '[' && text.back() == ']') {
        auto inner = text.substr(1, text.size() - 2);
        return std::all_of(inner.begin(), inner.end(), [](char c) { return is_hex(c) || c == ':'; });
    }
    while (true) {
        auto dot = text.find('.');
        if (!is_label(text.substr(0, dot))) return false;
        if (dot == text.npos) return true;
        text.remove_prefix(dot + 1);
    }
}

bool is_domain(std::string_view text) {
    auto colon = text.rfind(':');
    if (colon == text.npos || (!text.empty() && text.back() == ']')) return is_host(text);
    auto port = text.substr(colon + 1);
    return !port.empty() && std::all_of(port.begin(), port.end(), is_digit) && is_host(text.substr(0, colon));
}

bool is_path(std::string_view text) {
    while (true) {
        auto slash = text.find('/');
        if (!is_component(text.substr(0, slash))) return false;
        if (slash == text.npos) return true;
        text.remove_prefix(slash + 1);
    }
}

bool is_tag(std::string_view text) {
    auto word = [](char c) { return is_letter(c) || is_digit(c) || c == '_'; };
    return !text.empty() && text.size() <= kLongestTag && word(text[0]) &&
           std::all_of(text.begin(), text.end(), [&](char c) { return word(c) || c == '.' || c == '-'; });
}

// "sha256", "sha512+b64", …: letters first, parts joined by one of -_+.
bool is_algorithm(std::string_view text) {
    bool start = true;
    for (char c : text) {
        if (start && !is_letter(c)) return false;
        start = c == '-' || c == '_' || c == '+' || c == '.';
        if (!start && !is_letter(c) && !is_digit(c)) return false;
    }
    return !text.empty() && !start;
}

Result<Digest> parse_digest(std::string_view text) {
    auto colon = text.find(':');
    if (colon == text.npos) return refuse("invalid reference format");
    auto digits = text.substr(colon + 1);
    if (!is_algorithm(text.substr(0, colon)) || digits.size() < 32 ||
        !std::all_of(digits.begin(), digits.end(), is_hex)) {
        return refuse("invalid reference format");
    }
    if (text.substr(0, colon) != "sha256") return refuse("unsupported digest algorithm");
    if (digits.size() != 64) return refuse("invalid checksum digest length");
    if (!std::all_of(digits.begin(), digits.end(), is_lower_hex))
        return refuse("invalid checksum digest format");
    return Digest::parse(text);
}

struct Split {
    std::string domain, rest;
};

// Which part of what the user typed is a domain: the first component, if it has a dot or a colon, is
// "localhost", or could not be a path because of its capitals.
Split split_domain(std::string_view text) {
    Split out;
    auto slash = text.find('/');
    auto first = text.substr(0, slash);
    bool domain = slash != text.npos && (first.find_first_of(".:") != first.npos || first == "localhost" ||
                                         std::any_of(first.begin(), first.end(),
                                                     [](char c) { return is_letter(c) && !is_lower(c); }));
    out.domain = domain ? first : kDefaultDomain;
    out.rest = domain ? text.substr(slash + 1) : text;
    if (out.domain == kLegacyDomain) out.domain = kDefaultDomain;
    if (out.domain == kDefaultDomain && out.rest.find('/') == out.rest.npos) out.rest.insert(0, kOfficial);
    return out;
}

}  // namespace

Result<Reference> Reference::parse(std::string_view text) {
    if (is_id(text)) {
        return refuse("invalid repository name (" + std::string(text) +
                      "), cannot specify 64-byte hexadecimal strings");
    }
    auto [domain, rest] = split_domain(text);
    std::string_view remote = std::string_view(rest).substr(0, rest.find(':'));
    if (std::any_of(remote.begin(), remote.end(), [](char c) { return is_letter(c) && !is_lower(c); })) {
        return refuse("invalid reference format: repository name (" + std::string(remote) +
                      ") must be lowercase");
    }
    std::string_view name = rest, tag, digest;
    bool has_tag = false, has_digest = false;
    if (auto at = name.find('@'); at != name.npos) {
        digest = name.substr(at + 1);
        name = name.substr(0, at);
        has_digest = true;
    }
    if (auto colon = name.find(':'); colon != name.npos) {
        tag = name.substr(colon + 1);
        name = name.substr(0, colon);
        has_tag = true;
    }
    if (!is_domain(domain) || !is_path(name) || (has_tag && !is_tag(tag)))
        return refuse("invalid reference format");
    if (name.size() > kLongestName) return refuse("repository name must not be more than 255 characters");
    Reference out(domain, std::string(name));
    out.tag_ = tag;
    if (has_digest) {
        BERTH_TRY(out.digest_, parse_digest(digest));
    }
    return out;
}

std::string Reference::text() const {
    std::string out = name();
    if (!tag_.empty()) out += ":" + tag_;
    if (digest_) out += "@" + digest_->text();
    return out;
}

std::string Reference::familiar_name() const {
    if (domain_ != kDefaultDomain) return name();
    // "library/a/b" is not an official image and keeps its first part.
    if (path_.starts_with(kOfficial) && path_.find('/', kOfficial.size()) == path_.npos) {
        return path_.substr(kOfficial.size());
    }
    return path_;
}

std::string Reference::familiar() const {
    std::string out = familiar_name();
    if (!tag_.empty()) out += ":" + tag_;
    if (digest_) out += "@" + digest_->text();
    return out;
}

Reference Reference::with_default_tag() const {
    Reference out = *this;
    if (name_only()) out.tag_ = "latest";
    return out;
}

Result<Reference> Reference::with_tag(std::string_view tag) const {
    if (!is_tag(tag)) return refuse("invalid tag format");
    Reference out = *this;
    out.tag_ = tag;
    return out;
}

Reference Reference::with_digest(const Digest& digest) const {
    Reference out = *this;
    out.digest_ = digest;
    return out;
}

Reference Reference::trimmed() const {
    return Reference(domain_, path_);
}

std::string_view id_prefix(std::string_view text) {
    constexpr std::string_view kAlgorithm = "sha256:";
    constexpr std::size_t kLeast = 4;
    if (text.starts_with(kAlgorithm)) text.remove_prefix(kAlgorithm.size());
    if (text.size() < kLeast || text.size() > 64 || !std::all_of(text.begin(), text.end(), is_lower_hex))
        return {};
    return text;
}

std::optional<Digest> whole_id(std::string_view text) {
    if (is_id(text)) return Digest::from_hex(std::string(text));
    auto parsed = Digest::parse(text);
    return parsed ? std::optional(*parsed) : std::nullopt;
}

}  // namespace berth::oci
