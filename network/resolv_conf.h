#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/base/result.h"
#include "network/network_service.h"

namespace berth::network {

// What --dns, --dns-search and --dns-option say; an empty list leaves the host's.
struct DnsOverrides {
    std::vector<std::string> servers, search, options;
};

// A container's resolv.conf by Docker's rules. `host_text` is the host's file. kServers leaves out servers on
// the host's loopback and IPv6 servers, and Google's stand in when none is left; kEmbedded names 127.0.0.11
// alone. kInvalidArgument for a server that is not an address.
Result<std::string> render_resolv_conf(std::string_view host_text, Resolver resolver,
                                       const DnsOverrides& overrides);

// Where the embedded resolver forwards what it does not know.
struct ExternalServers {
    std::vector<std::string> addresses;
    bool from_host = false;  // asked from the host's namespace, not the container's
};
ExternalServers external_servers(std::string_view host_text, const std::vector<std::string>& overrides);

// Whether anybody says what names need dots, the host or who overrides its options.
bool sets_ndots(std::string_view host_text, const std::vector<std::string>& overrides);

// The host's file: where systemd-resolved's stub is the only server, the file with the real ones.
std::string host_resolv_conf();

}  // namespace berth::network
