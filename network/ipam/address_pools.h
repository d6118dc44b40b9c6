#pragma once

#include <string>
#include <vector>

#include "engine/base/result.h"
#include "network/ipam/ip.h"

namespace berth::network {

// A block to be cut into subnets of `bits`.
struct AddressPool {
    Subnet base;
    int bits = 16;
};

// Docker's own list: 172.17.0.0/16 to 172.28.0.0/14 in /16s, then 192.168.0.0/16 in /20s.
std::vector<AddressPool> default_pools();

// The engine's own part of fd00::/8 (RFC 4193), a /48 out of the hash of `seed`, in /64s.
AddressPool local_ipv6_pool(const std::string& seed);

// "172.17.0.0/16/24": base and size. kInvalidArgument for anything else.
Result<std::vector<AddressPool>> parse_pools(const std::vector<std::string>& texts);

// The first subnet of the family in the first pool that overlaps nothing in `used`. Pools are taken in
// address order, as Docker does.
Result<Subnet> first_free_subnet(std::vector<AddressPool> pools, bool v6, const std::vector<Subnet>& used);

}  // namespace berth::network
