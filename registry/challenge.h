#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/result.h"

namespace berth::registry {

// A WWW-Authenticate header (RFC 9110, 11.6.1): how a registry wants to be asked.
struct Challenge {
    enum class Scheme { kUnknown, kBasic, kBearer } scheme = Scheme::kUnknown;
    std::string realm, service, scope;
};
Challenge parse_challenge(std::string_view header);

// The most useful one of a 401's: a token rather than a password.
Challenge choose_challenge(const std::vector<std::string_view>& headers);

// What a token is asked for: the query of a GET, the form of a POST.
struct TokenRequest {
    std::string service, scope;           // several scopes are separated by spaces
    std::string account;                  // "" for nobody
    bool offline = false;                 // with a refresh token
    std::string password, refresh_token;  // of a POST: one of the two
};
std::string token_url(const std::string& realm, const TokenRequest& request);
std::string token_form(const TokenRequest& request);

// A token server's answer: kUnavailable when it has no token.
struct TokenAnswer {
    std::string token, refresh_token;
    std::chrono::seconds lifetime{60};  // the specification's default
};
Result<TokenAnswer> parse_token(const std::string& body);

}  // namespace berth::registry
