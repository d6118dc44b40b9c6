#pragma once

#include <string>
#include <string_view>

#include "registry/credentials.h"

namespace berth::registry {

// A WWW-Authenticate header (RFC 9110, 11.6.1): how a registry wants to be asked.
struct Challenge {
    enum class Scheme { kUnknown, kBasic, kBearer } scheme = Scheme::kUnknown;
    std::string realm, service, scope;
};
Challenge parse_challenge(std::string_view header);

// The URL that gives out a token for a bearer challenge; `scope` where the challenge names none.
std::string token_url(const Challenge& challenge, const std::string& scope);

// The token in a token server's answer: kUnavailable when there is none.
Result<std::string> parse_token(const std::string& body);

}  // namespace berth::registry
