#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/base/result.h"

namespace berth::network {

// What --dns, --dns-search and --dns-option say; an empty list leaves the host's.
struct DnsOverrides {
    std::vector<std::string> servers, search, options;
};

// A container's resolv.conf by Docker's rules. `host_text` is the host's file. Unless the container shares
// the host's network, servers on the host's loopback and IPv6 servers are left out, and Google's stand in
// when none is left. kInvalidArgument for a server that is not an address.
Result<std::string> render_resolv_conf(std::string_view host_text, bool host_network,
                                       const DnsOverrides& overrides);

// The host's file: where systemd-resolved's stub is the only server, the file with the real ones.
std::string host_resolv_conf();

}  // namespace berth::network
