#pragma once

#include <string>
#include <vector>

#include "engine/base/result.h"
#include "network/ipam/ipv4.h"

namespace berth::network {

// A block to be cut into subnets of `bits`.
struct AddressPool {
    Subnet base;
    int bits = 16;
};

// Docker's own list: 172.17.0.0/16 to 172.28.0.0/14 in /16s, then 192.168.0.0/16 in /20s.
std::vector<AddressPool> default_pools();

// "172.17.0.0/16/24": base and size. kInvalidArgument for anything else.
Result<std::vector<AddressPool>> parse_pools(const std::vector<std::string>& texts);

// The first subnet of the first pool that overlaps nothing in `used`. Pools are taken in address order, as
// Docker does.
Result<Subnet> first_free_subnet(std::vector<AddressPool> pools, const std::vector<Subnet>& used);

}  // namespace berth::network
