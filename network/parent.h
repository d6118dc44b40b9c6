#pragma once

#include <string>

#include "engine/base/result.h"
#include "network/network_service.h"

namespace berth::network {

// What a macvlan or ipvlan network stands on.
struct ParentSettings {
    std::string driver;  // macvlan, ipvlan
    std::string network_id;
    std::string link;             // the parent's name; of a dummy of the network's own if none was given
    bool own_dummy = false;       // nothing leads outside then
    std::string mode;             // macvlan: bridge, private, vepa, passthru; ipvlan: l2, l3, l3s
    std::string flag = "bridge";  // of ipvlan: bridge, private, vepa

    bool passthru() const { return mode == "passthru"; }
    // Containers have a default route that names no gateway.
    bool routes_by_link() const { return mode == "l3" || mode == "l3s"; }
};

// Whether a network's driver is one of the two.
bool stands_on_parent(const Network& network);

// By the options "parent", "macvlan_mode", "ipvlan_mode" and "ipvlan_flag"; errors in Docker's words.
Result<ParentSettings> read_parent_settings(const Network& network);

// Whether two networks can have one parent, when they do.
Result<> check_shared_parent(const ParentSettings& wanted, const ParentSettings& other);

// The parent is there when it returns: a dummy and a VLAN ("eth0.50") are made if they are not.
Result<> set_up_parent(const NetworkConfig& config, const ParentSettings& settings);

// Deletes the parent if this engine has made it.
Result<> take_down_parent(const NetworkConfig& config, const ParentSettings& settings);

}  // namespace berth::network
