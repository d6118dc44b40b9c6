#include "registry/challenge.h"

#include <strings.h>

#include <algorithm>
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

Challenge choose_challenge(const std::vector<std::string_view>& headers) {
    Challenge best;
    for (const auto header : headers) {
        auto challenge = parse_challenge(header);
        if (challenge.scheme > best.scheme) best = std::move(challenge);
    }
    return best;
}

namespace {

void add(std::string& out, const char* name, const std::string& value) {
    if (!out.empty()) out += '&';
    out += name + ("=" + http::encode_form(value));
}

// Each scope of its own, as the token specification wants them in a query.
void add_scopes(std::string& out, const std::string& scopes) {
    for (std::size_t at = 0; at < scopes.size();) {
        const auto end = std::min(scopes.find(' ', at), scopes.size());
        if (end > at) add(out, "scope", scopes.substr(at, end - at));
        at = end + 1;
    }
}

}  // namespace

std::string token_url(const std::string& realm, const TokenRequest& request) {
    std::string query;
    if (!request.account.empty()) add(query, "account", request.account);
    if (request.offline) {
        add(query, "client_id", "docker");
        add(query, "offline_token", "true");
    }
    add_scopes(query, request.scope);
    if (!request.service.empty()) add(query, "service", request.service);
    if (query.empty()) return realm;
    return realm + (realm.find('?') == std::string::npos ? '?' : '&') + query;
}

std::string token_form(const TokenRequest& request) {
    std::string form;
    if (request.offline) add(form, "access_type", "offline");
    add(form, "client_id", "docker");
    if (request.refresh_token.empty()) {
        add(form, "grant_type", "password");
        add(form, "password", request.password);
    } else {
        add(form, "grant_type", "refresh_token");
        add(form, "refresh_token", request.refresh_token);
    }
    if (!request.scope.empty()) add(form, "scope", request.scope);
    add(form, "service", request.service);
    if (request.refresh_token.empty()) add(form, "username", request.account);
    return form;
}

Result<TokenAnswer> parse_token(const std::string& body) {
    const auto json = nlohmann::json::parse(body, nullptr, false);
    auto text = [&](const char* name) {
        return json.is_object() && json.contains(name) && json[name].is_string()
                   ? json[name].get<std::string>()
                   : std::string();
    };
    TokenAnswer out{text("token"), text("refresh_token")};
    if (out.token.empty()) out.token = text("access_token");
    const bool clean = out.token.find_first_of("\r\n") == std::string::npos;
    if (out.token.empty() || !clean)
        return fail(ErrorKind::kUnavailable, "authorization server did not include a token in the response");
    if (json.contains("expires_in") && json["expires_in"].is_number_integer()) {
        const auto seconds = json["expires_in"].get<std::int64_t>();
        // Shorter lives are taken for a mistake, as Docker takes them.
        out.lifetime = std::chrono::seconds(std::clamp<std::int64_t>(seconds, 60, 24 * 3600));
    }
    return out;
}

}  // namespace berth::registry
