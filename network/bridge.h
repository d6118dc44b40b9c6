#pragma once

#include <optional>
#include <string>

#include "engine/base/result.h"
#include "engine/base/unique_fd.h"
#include "network/bridge_settings.h"
#include "network/firewall/firewall.h"
#include "network/network_service.h"

namespace berth::network {

// The bridge of a network as it stands.
struct Bridge {
    BridgeSettings settings;
    int index = 0;
    std::optional<Subnet> v4, v6;
    bool internal = false;
    UniqueFd claim;  // held while this engine uses the default bridge: two engines never share one

    // What the firewall has to know, of the families that it has.
    std::vector<BridgeRules> rules() const;
};

// Checks the names and addresses a user can get wrong; kInvalidArgument names the option.
Result<> check_config(const NetworkConfig& config);

// What the default bridge is as a network: its options by the config, its subnet by `bip`, else by the
// addresses it has, else out of the pools. Claims and makes the link: kConflict when another live engine uses
// it.
Result<UniqueFd> claim_default_bridge(const NetworkConfig& config, Network& network);

// Makes the link of a bridge network, or takes over the one that is there, with the addresses of the
// network's pools. Forwarding is not switched on yet.
Result<Bridge> set_up_bridge(const NetworkConfig& config, const Network& network);

// Deletes the link, if this engine has made it.
Result<> take_down_bridge(const NetworkConfig& config, const Bridge& bridge);

// net.ipv4.ip_forward and what published ports need of the bridge. Comes after the rules that protect.
Result<> open_bridge(const NetworkConfig& config, const Bridge& bridge);

// Whether the host forwards IPv4 already.
bool forwards();

// The mark of links that this engine has made.
std::string link_alias(const NetworkConfig& config);

// What a new subnet must not overlap: routes of the host, and its name servers.
Result<std::vector<Subnet>> subnets_of_host();

}  // namespace berth::network
