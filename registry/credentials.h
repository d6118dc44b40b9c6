#pragma once

#include <string>
#include <string_view>

#include "engine/base/result.h"

namespace berth::registry {

// Who asks; all empty for nobody in particular.
struct Credentials {
    std::string username, password;
    std::string registry_token;  // a bearer token that the client already has
    std::string identity_token;  // to be exchanged for a token; not supported yet
};

// The X-Registry-Auth header: base64url (padded or not) of a JSON object. Anything else counts as no
// credentials, as with Docker.
Credentials parse_registry_auth(std::string_view header);

// "Basic …" for the Authorization header.
std::string basic_authorization(const Credentials& credentials);

}  // namespace berth::registry
