#include "network/ipam/address_pools.h"

#include <fmt/format.h>

#include <algorithm>

namespace berth::network {

std::vector<AddressPool> default_pools() {
    const auto pool = [](std::string_view base, int bits) { return AddressPool{*Subnet::parse(base), bits}; };
    return {pool("172.17.0.0/16", 16), pool("172.18.0.0/16", 16), pool("172.19.0.0/16", 16),
            pool("172.20.0.0/14", 16), pool("172.24.0.0/14", 16), pool("172.28.0.0/14", 16),
            pool("192.168.0.0/16", 20)};
}

Result<std::vector<AddressPool>> parse_pools(const std::vector<std::string>& texts) {
    std::vector<AddressPool> pools;
    for (const auto& text : texts) {
        const auto slash = text.rfind('/');
        auto base = slash == std::string::npos ? std::nullopt : Subnet::parse(text.substr(0, slash));
        auto size = slash == std::string::npos ? std::nullopt : Subnet::parse("0.0.0.0" + text.substr(slash));
        if (!base || !size || size->bits < base->bits || size->bits > 30)
            return fail(ErrorKind::kInvalidArgument, fmt::format("invalid default address pool {:?}", text));
        pools.push_back({*base, size->bits});
    }
    return pools;
}

Result<Subnet> first_free_subnet(std::vector<AddressPool> pools, const std::vector<Subnet>& used) {
    std::sort(pools.begin(), pools.end(),
              [](const AddressPool& a, const AddressPool& b) { return a.base < b.base; });
    for (const auto& pool : pools) {
        auto candidate = Subnet::of(pool.base.base, pool.bits);
        for (;;) {
            const auto taken = std::find_if(used.begin(), used.end(),
                                            [&](const Subnet& subnet) { return subnet.overlaps(candidate); });
            if (taken == used.end()) return candidate;
            // Go on behind whichever of the two reaches further.
            const std::uint64_t next = std::uint64_t{std::max(taken->last(), candidate.last()).value} + 1;
            if (next > pool.base.last().value) break;
            candidate = Subnet::of(Ipv4{static_cast<std::uint32_t>(next)}, pool.bits);
        }
    }
    return fail(ErrorKind::kUnavailable, "all predefined address pools have been fully subnetted");
}

}  // namespace berth::network
