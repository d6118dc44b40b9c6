#include "registry/challenge.h"

#include <strings.h>

#include <nlohmann/json.hpp>

#include "engine/http/url.h"

namespace berth::registry {

namespace {

bool same_word(std::string_view a, std::string_view b) {
    return a.size() == b.size() && ::strncasecmp(a.data(), b.data(), a.size()) == 0;
}

void skip(std::string_view& text, std::string_view what) {
    text.remove_prefix(std::min(text.find_first_not_of(what), text.size()));
}

// A token, or a quoted string with its escapes undone.
std::string take_value(std::string_view& text) {
    std::string out;
    if (!text.starts_with('"')) {
        const auto end = std::min(text.find_first_of(", \t"), text.size());
        out = text.substr(0, end);
        text.remove_prefix(end);
        return out;
    }
    text.remove_prefix(1);
    while (!text.empty() && text.front() != '"') {
        if (text.front() == '\\' && text.size() > 1) text.remove_prefix(1);
        out += text.front();
        text.remove_prefix(1);
    }
    if (!text.empty()) text.remove_prefix(1);
    return out;
}

}  // namespace

Challenge parse_challenge(std::string_view header) {
    Challenge out;
    skip(header, " \t");
    const auto scheme = header.substr(0, std::min(header.find_first_of(" \t"), header.size()));
    if (same_word(scheme, "basic")) out.scheme = Challenge::Scheme::kBasic;
    if (same_word(scheme, "bearer")) out.scheme = Challenge::Scheme::kBearer;
    header.remove_prefix(scheme.size());
    for (;;) {
        skip(header, ", \t");
        const auto equals = header.find('=');
        if (equals == header.npos) return out;
        const auto name = header.substr(0, equals);
        header.remove_prefix(equals + 1);
        auto value = take_value(header);
        if (same_word(name, "realm"))
            out.realm = std::move(value);
        else if (same_word(name, "service"))
            out.service = std::move(value);
        else if (same_word(name, "scope"))
            out.scope = std::move(value);
    }
}

std::string token_url(const Challenge& challenge, const std::string& scope) {
    std::string out = challenge.realm;
    out += out.find('?') == std::string::npos ? '?' : '&';
    if (!challenge.service.empty()) out += "service=" + http::encode_form(challenge.service) + "&";
    return out + "scope=" + http::encode_form(challenge.scope.empty() ? scope : challenge.scope);
}

Result<std::string> parse_token(const std::string& body) {
    const auto json = nlohmann::json::parse(body, nullptr, false);
    for (const char* name : {"token", "access_token"}) {
        if (!json.is_object() || !json.contains(name) || !json[name].is_string()) continue;
        if (auto token = json[name].get<std::string>(); !token.empty()) return token;
    }
    return fail(ErrorKind::kUnavailable, "authorization server did not include a token in the response");
}

}  // namespace berth::registry
