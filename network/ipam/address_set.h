#pragma once

#include <optional>
#include <set>

#include "network/ipam/ipv4.h"

namespace berth::network {

// Which addresses of a subnet are in use. The network's and the broadcast address are never given out (but
// for /31 and /32). Not thread-safe.
class AddressSet {
 public:
    explicit AddressSet(Subnet subnet);

    const Subnet& subnet() const { return subnet_; }
    // The lowest free one, as Docker does: a released address is the next to go. Nothing when all are taken.
    std::optional<Ipv4> take_first();
    // false if it is taken or outside.
    bool take(Ipv4 address);
    void release(Ipv4 address) { taken_.erase(address); }

 private:
    Subnet subnet_;
    std::set<Ipv4> taken_;
};

}  // namespace berth::network
