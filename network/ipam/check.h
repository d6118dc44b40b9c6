#pragma once

#include <map>
#include <string>
#include <vector>

#include "engine/base/result.h"

namespace berth::network {

// One subnet of a network, as text: what a user asked for, or what became of it.
struct IpamConfig {
    std::string subnet, ip_range, gateway;
    std::map<std::string, std::string> aux_addresses;

    bool v6() const { return subnet.find(':') != std::string::npos; }
    bool operator==(const IpamConfig&) const = default;
};

// Docker's rules and texts for what a network's IPAM section asks for; kInvalidArgument names all that is
// wrong. IPv6 subnets of a network without IPv6 are not looked at.
Result<> check_ipam(const std::vector<IpamConfig>& configs, bool ipv6);

// An error's errno in Go's words: strerror()'s start with a capital. The whole message where there is none.
std::string errno_text(const Error& error);

// Go's way to show several errors: one stays as it is, more become a list.
std::string join_errors(const std::vector<std::string>& errors);

}  // namespace berth::network
