#pragma once

#include "engine/base/result.h"
#include "engine/base/unique_fd.h"
#include "network/firewall/firewall.h"
#include "network/network_service.h"

namespace berth::network {

// The default bridge as it stands.
struct Bridge {
    std::string name;
    int index = 0;
    Ipv4Prefix address;
    UniqueFd claim;  // held while this engine uses the bridge: two engines never share one

    BridgeRules rules(const NetworkConfig& config) const;
};

// Checks the names and addresses a user can get wrong; kInvalidArgument names the option.
Result<> check_config(const NetworkConfig& config);

// Makes the bridge of the config, or takes over the one that is there, with the address of `bip`, else the
// one it has, else one out of the pools. kConflict when another live engine uses it. Forwarding is not
// switched on yet.
Result<Bridge> set_up_bridge(const NetworkConfig& config);

// net.ipv4.ip_forward and what published ports need of the bridge. Comes after the rules that protect.
Result<> open_bridge(const NetworkConfig& config, const Bridge& bridge);

// Whether the host forwards IPv4 already.
bool forwards();

}  // namespace berth::network
