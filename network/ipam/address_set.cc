#include "network/ipam/address_set.h"

namespace berth::network {

AddressSet::AddressSet(Subnet subnet, Subnet range) : subnet_(subnet), range_(range) {
    if (subnet_.bits > subnet_.base.width() - 2) return;
    taken_.insert(subnet_.base);
    if (!subnet_.base.v6) taken_.insert(subnet_.last());
}

std::optional<Ip> AddressSet::take_first() {
    Ip candidate = range_.base;
    for (auto taken = taken_.lower_bound(candidate); taken != taken_.end() && *taken == candidate; ++taken) {
        if (candidate == range_.last()) return std::nullopt;
        ++candidate.value;
    }
    taken_.insert(candidate);
    return candidate;
}

bool AddressSet::take(Ip address) {
    return subnet_.contains(address) && taken_.insert(address).second;
}

}  // namespace berth::network
