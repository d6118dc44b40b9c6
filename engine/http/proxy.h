#pragma once

#include <optional>
#include <string>

#include "engine/http/client.h"

namespace berth::http {

// Which proxy leads to which host, by the rules of Go programs for HTTP_PROXY, HTTPS_PROXY and NO_PROXY.
struct ProxySettings {
    std::string http, https;  // URLs, or "host:port"; "" for none
    // Comma-separated: "*", a domain (with what is below it; ".domain" for that alone), an address, a subnet,
    // each with or without a port.
    std::string exclude;

    // The variables, in capitals or else in small letters.
    static ProxySettings from_environment();
};

// The way to `target`: nothing when it is direct, as loopback always is. kInvalidArgument: the proxy's URL is
// none.
Result<std::optional<Proxy>> proxy_for(const ProxySettings& settings, const Endpoint& target);

}  // namespace berth::http
