#pragma once

#include <string>
#include <string_view>

#include "engine/base/result.h"

namespace berth::registry {

// Who asks; all empty for nobody in particular.
struct Credentials {
    std::string username, password;
    std::string registry_token;  // a bearer token that the client already has
    std::string identity_token;  // to be exchanged for a token
    std::string server;          // whom they are for, as the client wrote it; "" for the image's registry
};

// The X-Registry-Auth header: base64url (padded or not) of a JSON object. Anything else counts as no
// credentials, as with Docker.
Credentials parse_registry_auth(std::string_view header);
// The JSON object itself, as POST /auth gets it: kInvalidArgument when it is none.
Result<Credentials> parse_credentials(std::string_view json);

// The credentials if they are for `host` ("127.0.0.1:5000", "registry-1.docker.io"), else nobody's. `domain`
// is the registry that the image names, which they are for when they do not say.
Credentials credentials_for(const Credentials& credentials, const std::string& host,
                            const std::string& domain);

// "Basic …" for the Authorization header.
std::string basic_authorization(const Credentials& credentials);

}  // namespace berth::registry
