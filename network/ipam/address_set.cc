#include "network/ipam/address_set.h"

namespace berth::network {

AddressSet::AddressSet(Subnet subnet) : subnet_(subnet) {
    if (subnet_.bits > 30) return;
    taken_.insert(subnet_.base);
    taken_.insert(subnet_.last());
}

std::optional<Ipv4> AddressSet::take_first() {
    std::uint64_t candidate = subnet_.base.value;
    for (const auto& taken : taken_) {
        if (taken.value != candidate) break;
        ++candidate;
    }
    if (candidate > subnet_.last().value) return std::nullopt;
    const Ipv4 address{static_cast<std::uint32_t>(candidate)};
    taken_.insert(address);
    return address;
}

bool AddressSet::take(Ipv4 address) {
    return subnet_.contains(address) && taken_.insert(address).second;
}

}  // namespace berth::network
