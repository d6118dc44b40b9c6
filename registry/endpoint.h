#pragma once

#include <string>
#include <vector>

#include "engine/http/client.h"

namespace berth::registry {

// A registry's address as clients reach it.
struct RegistryAddress {
    http::Endpoint endpoint;
    std::string origin;  // "https://registry-1.docker.io", for texts
};

// Where the images of `domain` ("docker.io", "127.0.0.1:5000") are served. Plain HTTP for loopback and for
// hosts in `insecure` ("host" for any port, or "host:port").
Result<RegistryAddress> registry_address(const std::string& domain, const std::vector<std::string>& insecure);

// The part of an absolute http(s) URL behind the authority: "/path?query".
std::string url_target(std::string_view url);

}  // namespace berth::registry
