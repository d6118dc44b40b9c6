#pragma once

#include <string>

#include "engine/base/result.h"
#include "engine/sys/netlink.h"
#include "network/sandbox/link.h"

// Links that stand on another one, and the dummies that they stand on when there is no other.
namespace berth::network {

struct Sublink {
    std::string kind;  // "macvlan", "ipvlan"
    std::string mode;  // bridge, private, vepa, passthru; l2, l3, l3s
    std::string flag;  // of ipvlan: bridge, private, vepa
    int parent = 0;
    std::string name;  // in `netns_fd`, still down
    int netns_fd = -1;
    std::string mac;  // "": the kernel's choice; of macvlan only
};
// The mode is one of those above.
Result<> create_sublink(sys::NetlinkSocket& socket, const Sublink& link);

// Both are up, and bear `alias`.
Result<> create_dummy(sys::NetlinkSocket& socket, const std::string& name, const std::string& alias);
Result<> create_vlan(sys::NetlinkSocket& socket, const std::string& name, int parent, std::uint16_t id,
                     const std::string& alias);

}  // namespace berth::network
