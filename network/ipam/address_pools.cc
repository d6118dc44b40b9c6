#include "network/ipam/address_pools.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/base/digest.h"

namespace berth::network {

std::vector<AddressPool> default_pools() {
    const auto pool = [](std::string_view base, int bits) { return AddressPool{*Subnet::parse(base), bits}; };
    return {pool("172.17.0.0/16", 16), pool("172.18.0.0/16", 16), pool("172.19.0.0/16", 16),
            pool("172.20.0.0/14", 16), pool("172.24.0.0/14", 16), pool("172.28.0.0/14", 16),
            pool("192.168.0.0/16", 20)};
}

AddressPool local_ipv6_pool(const std::string& seed) {
    const std::string hex = std::string(sha256(seed).hex());
    const auto text = fmt::format("fd{}:{}:{}::/48", hex.substr(0, 2), hex.substr(2, 4), hex.substr(6, 4));
    return {*Subnet::parse(text), 64};
}

Result<std::vector<AddressPool>> parse_pools(const std::vector<std::string>& texts) {
    std::vector<AddressPool> pools;
    for (const auto& text : texts) {
        const auto slash = text.rfind('/');
        const auto invalid =
            fail(ErrorKind::kInvalidArgument, fmt::format("invalid default address pool {:?}", text));
        if (slash == std::string::npos) return invalid;
        auto base = Subnet::parse(text.substr(0, slash));
        if (!base) return invalid;
        auto size = Subnet::parse((base->base.v6 ? "::" : "0.0.0.0") + text.substr(slash));
        if (!size || size->bits < base->bits || size->bits > base->base.width() - 2) return invalid;
        pools.push_back({*base, size->bits});
    }
    return pools;
}

Result<Subnet> first_free_subnet(std::vector<AddressPool> pools, bool v6, const std::vector<Subnet>& used) {
    std::erase_if(pools, [&](const AddressPool& pool) { return pool.base.base.v6 != v6; });
    std::sort(pools.begin(), pools.end(),
              [](const AddressPool& a, const AddressPool& b) { return a.base < b.base; });
    for (const auto& pool : pools) {
        auto candidate = Subnet::of(pool.base.base, pool.bits);
        for (;;) {
            const auto taken = std::find_if(used.begin(), used.end(),
                                            [&](const Subnet& subnet) { return subnet.overlaps(candidate); });
            if (taken == used.end()) return candidate;
            // Go on behind whichever of the two reaches further.
            const Ip last = std::max(taken->last(), candidate.last());
            if (last >= pool.base.last()) break;
            candidate = Subnet::of({v6, last.value + 1}, pool.bits);
        }
    }
    return fail(ErrorKind::kUnavailable, "all predefined address pools have been fully subnetted");
}

}  // namespace berth::network
