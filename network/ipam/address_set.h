#pragma once

#include <optional>
#include <set>

#include "network/ipam/ip.h"

namespace berth::network {

// Which addresses of a subnet are in use. The subnet's base and IPv4's broadcast address are never given out
// (but for /31 and /32, /127 and /128). Not thread-safe.
class AddressSet {
 public:
    // Addresses that nobody asks for by name come out of `range`, a part of the subnet.
    AddressSet(Subnet subnet, Subnet range);
    explicit AddressSet(Subnet subnet) : AddressSet(subnet, subnet) {}

    const Subnet& subnet() const { return subnet_; }
    // The lowest free one, as Docker does: a released address is the next to go. Nothing when all are taken.
    std::optional<Ip> take_first();
    // false if it is taken or outside.
    bool take(Ip address);
    void release(Ip address) { taken_.erase(address); }

 private:
    Subnet subnet_, range_;
    std::set<Ip> taken_;
};

}  // namespace berth::network
