#include "registry/hosts.h"

#include <netdb.h>
#include <sys/socket.h>

#include <algorithm>

#include "engine/base/files.h"
#include "engine/http/client.h"
#include "engine/http/subnet.h"

namespace berth::registry {

namespace {

// The addresses of a name; it is one itself, or is looked up.
std::vector<http::Address> addresses_of(const std::string& host) {
    if (auto address = http::Address::parse(host)) return {*address};
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    std::vector<http::Address> out;
    if (::getaddrinfo(host.c_str(), nullptr, &hints, &found) != 0) return out;
    for (const addrinfo* at = found; at != nullptr; at = at->ai_next) {
        char text[NI_MAXHOST];
        if (::getnameinfo(at->ai_addr, at->ai_addrlen, text, sizeof text, nullptr, 0, NI_NUMERICHOST) != 0)
            continue;
        if (auto address = http::Address::parse(text)) out.push_back(*address);
    }
    ::freeaddrinfo(found);
    return out;
}

bool is_insecure(const std::vector<std::string>& rules, const std::string& authority,
                 const std::string& host) {
    std::vector<http::Subnet> subnets;
    for (std::string rule : rules) {
        for (std::string_view scheme : {"http://", "https://"}) {
            if (rule.starts_with(scheme)) rule.erase(0, scheme.size());
        }
        if (auto subnet = http::Subnet::parse(rule)) {
            subnets.push_back(*subnet);
        } else if (rule == authority) {
            return true;
        }
    }
    if (host == "localhost" || host.ends_with(".localhost")) return true;
    if (auto address = http::Address::parse(host); address && address->is_loopback()) return true;
    if (subnets.empty()) return false;
    const auto addresses = addresses_of(host);
    return std::any_of(addresses.begin(), addresses.end(), [&](const http::Address& address) {
        return std::any_of(subnets.begin(), subnets.end(),
                           [&](const http::Subnet& subnet) { return subnet.contains(address); });
    });
}

// What a folder of certificates says; a missing folder says nothing.
Result<http::TlsSettings> read_certificates(const std::string& folder) {
    http::TlsSettings out;
    auto names = list_folder(folder);
    if (!names && names.error().kind == ErrorKind::kNotFound) return out;
    if (!names) return Failure(std::move(names.error()));
    std::sort(names->begin(), names->end());
    const auto has = [&](const std::string& name) {
        return std::find(names->begin(), names->end(), name) != names->end();
    };
    for (const auto& name : *names) {
        const auto dot = name.rfind('.');
        const std::string stem = name.substr(0, dot), ending = dot == name.npos ? "" : name.substr(dot);
        if (ending == ".crt") out.authorities.push_back(folder + "/" + name);
        if (ending == ".cert" && !has(stem + ".key")) {
            return fail(ErrorKind::kInvalidArgument, "missing key " + stem + ".key for client certificate " +
                                                         name +
                                                         ". CA certificates must use the extension .crt");
        }
        if (ending == ".key" && !has(stem + ".cert")) {
            return fail(ErrorKind::kInvalidArgument,
                        "missing client certificate " + stem + ".cert for key " + name);
        }
        if (ending == ".cert")
            out.certificates.push_back({folder + "/" + name, folder + "/" + stem + ".key"});
    }
    return out;
}

Result<> prepare_tls(const RegistrySettings& settings, const std::string& name, RegistryHost& host) {
    http::TlsSettings tls;
    for (const auto& root : settings.certificates) {
        const std::string folder = root + "/" + name;
        if (!exists(folder)) continue;
        BERTH_TRY(tls, read_certificates(folder));
        break;
    }
    tls.verify = !host.insecure;
    if (tls.verify && tls.authorities.empty() && tls.certificates.empty()) return {};
    BERTH_TRY(host.tls, http::make_tls_context(tls));
    return {};
}

Result<RegistryHost> make_host(const RegistrySettings& settings, const std::string& url) {
    RegistryHost host;
    host.scheme = url.substr(0, url.find("://"));
    const std::string origin = url_origin(url);
    host.authority = origin.substr(host.scheme.size() + 3);
    BERTH_TRY(const auto endpoint, http::Endpoint::parse(origin));
    host.insecure = is_insecure(settings.insecure, host.authority, endpoint.host);
    BERTH_CHECK(prepare_tls(settings, host.authority, host));
    return host;
}

Result<RegistryHost> make_mirror(const RegistrySettings& settings, const std::string& url) {
    BERTH_TRY(auto host, make_host(settings, url));
    host.prefix = url_target(url);
    while (host.prefix.ends_with('/')) host.prefix.pop_back();
    if (host.prefix.ends_with("/v2")) host.prefix.resize(host.prefix.size() - 3);
    return host;
}

}  // namespace

Result<std::vector<RegistryHost>> find_hosts(const RegistrySettings& settings, const std::string& domain,
                                             Purpose purpose) {
    std::vector<RegistryHost> out;
    const bool hub = domain == "docker.io" || domain == "index.docker.io";
    if (hub && purpose == Purpose::kPull) {
        for (const auto& mirror : settings.mirrors) {
            BERTH_TRY(auto host, in("registry mirror " + mirror, make_mirror(settings, mirror)));
            out.push_back(std::move(host));
        }
    }
    // Docker Hub's images are named by one host and served by another.
    RegistryHost own;
    if (hub) {
        own.authority = "registry-1.docker.io";
        BERTH_CHECK(prepare_tls(settings, "docker.io", own));
    } else {
        BERTH_TRY(own, make_host(settings, "https://" + domain));
    }
    out.push_back(std::move(own));
    return out;
}

std::string url_target(std::string_view url) {
    const auto mark = url.find("://");
    const auto start = url.find_first_of("/?#", mark == url.npos ? 0 : mark + 3);
    if (start == url.npos) return "/";
    auto target = std::string(url.substr(start, url.find('#', start) - start));
    return target.starts_with('/') ? target : "/" + target;
}

std::string url_origin(std::string_view url) {
    if (!url.starts_with("https://") && !url.starts_with("http://")) return {};
    const auto start = url.find("://") + 3;
    return std::string(url.substr(0, url.find_first_of("/?#", start)));
}

}  // namespace berth::registry
