#include "registry/endpoint.h"

#include <arpa/inet.h>

#include <algorithm>

namespace berth::registry {

namespace {

bool is_loopback(const std::string& host) {
    if (host == "localhost" || host.ends_with(".localhost") || host == "::1") return true;
    in_addr address{};
    return ::inet_pton(AF_INET, host.c_str(), &address) == 1 && ntohl(address.s_addr) >> 24 == 127;
}

}  // namespace

Result<RegistryAddress> registry_address(const std::string& domain,
                                         const std::vector<std::string>& insecure) {
    // Docker Hub's images are named by one host and served by another.
    const std::string host = domain == "docker.io" ? "registry-1.docker.io" : domain;
    RegistryAddress out;
    BERTH_TRY(out.endpoint, http::Endpoint::parse("https://" + host));
    auto named = [&](const std::string& entry) { return entry == domain || entry == out.endpoint.host; };
    const bool plain = is_loopback(out.endpoint.host) || std::any_of(insecure.begin(), insecure.end(), named);
    out.origin = (plain ? "http://" : "https://") + host;
    BERTH_TRY(out.endpoint, http::Endpoint::parse(out.origin));
    return out;
}

std::string url_target(std::string_view url) {
    const auto mark = url.find("://");
    const auto start = url.find_first_of("/?#", mark == url.npos ? 0 : mark + 3);
    if (start == url.npos) return "/";
    auto target = std::string(url.substr(start, url.find('#', start) - start));
    return target.starts_with('/') ? target : "/" + target;
}

}  // namespace berth::registry
