#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/http/tls.h"
#include "registry/settings.h"

namespace berth::registry {

// A host that serves a registry, and how to speak to it.
struct RegistryHost {
    std::string scheme = "https";  // or "http"
    std::string authority;         // "127.0.0.1:5000"
    std::string prefix;            // before "/v2", for a mirror below a path
    // TLS is not verified, and a host that does not speak it is asked in plain HTTP.
    bool insecure = false;
    std::shared_ptr<const http::TlsContext> tls;  // nothing: the system's certificates

    std::string origin() const { return scheme + "://" + authority; }
};

enum class Purpose { kPull, kPush };

// The hosts that serve the images of `domain` ("docker.io", "127.0.0.1:5000"), in the order in which they are
// asked: mirrors come first, when something is pulled from Docker Hub. Blocking: reads certificates and,
// where subnets are insecure, looks names up.
Result<std::vector<RegistryHost>> find_hosts(const RegistrySettings& settings, const std::string& domain,
                                             Purpose purpose);

// The part of an absolute http(s) URL behind the authority: "/path?query".
std::string url_target(std::string_view url);
// What is before it, "https://host:port"; "" for anything but an absolute http(s) URL.
std::string url_origin(std::string_view url);

}  // namespace berth::registry
