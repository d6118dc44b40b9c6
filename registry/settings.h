#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "engine/http/proxy.h"

namespace berth::registry {

// What the daemon's configuration says about registries.
struct RegistrySettings {
    // "host", "host:port" or a subnet: TLS is not verified there, and plain HTTP will do. So with loopback.
    std::vector<std::string> insecure;
    std::vector<std::string> mirrors;  // URLs; asked before docker.io when something is pulled from there
    // Folders with a folder per registry ("host:port") that holds *.crt (authorities) and *.cert with *.key
    // (this side's certificates). The first that has one for a registry counts.
    std::vector<std::string> certificates;
    http::ProxySettings proxies;
    int downloads = 3, uploads = 5;  // layers at a time
    int attempts = 5;                // to fetch a layer, without getting further
    // A peer that gets nowhere for this long is given up, however often it was asked meanwhile.
    std::chrono::milliseconds patience = std::chrono::seconds(30);
    // One that sends fewer than kLeast bytes in this time has stalled, and is asked once more.
    std::chrono::milliseconds stall() const { return patience / 3; }
    static constexpr std::size_t kLeast = 1024;
};
// As they were when some work began: a reload does not touch what is under way.
using Settings = std::shared_ptr<const RegistrySettings>;

}  // namespace berth::registry
