// Which subnets and gateways a network gets, and the addresses it has to give.
#include <fmt/format.h>

#include <algorithm>

#include "network/ipam/address_pools.h"
#include "network/service.h"

namespace berth::network {
namespace {

Failure forbidden(std::string message) {
    return fail(ErrorKind::kForbidden, std::move(message));
}

// The gateway that was asked for, else the first free address; explicit ones and auxiliary ones first.
Result<> choose_gateway(IpamConfig& pool, bool none) {
    const auto subnet = *Subnet::parse(pool.subnet);
    AddressSet set(subnet, pool.ip_range.empty() ? subnet : *Subnet::parse(pool.ip_range));
    if (!pool.gateway.empty() && !set.take(*Ip::parse(pool.gateway)))
        return fail(ErrorKind::kInternal,
                    fmt::format("failed to allocate gateway ({}): Address already in use", pool.gateway));
    for (const auto& [name, address] : pool.aux_addresses)
        if (!set.take(*Ip::parse(address)))
            return fail(ErrorKind::kInternal,
                        fmt::format("failed to allocate secondary ip address ({}:{}): Address already in use",
                                    name, address));
    if (none || !pool.gateway.empty()) return {};
    const auto gateway = set.take_first();
    if (!gateway)
        return fail(ErrorKind::kInternal,
                    "failed to allocate gateway (): no available addresses on this pool");
    pool.gateway = gateway->text();
    return {};
}

// Whether an address of the family stays free for nobody: where there is no way out.
bool needs_no_gateway(const Network& network, const std::optional<BridgeSettings>& bridge, bool v6) {
    return bridge ? bridge->mode(v6) == GatewayMode::kIsolated : network.internal;
}

}  // namespace

Result<IpamConfig> Service::choose_pool(bool v6, std::vector<Subnet> used) const {
    auto pools = default_pools();
    if (!config_.address_pools.empty()) {
        BERTH_TRY(pools, parse_pools(config_.address_pools));
    }
    pools.push_back(local_ipv6_pool(config_.data_dir));
    BERTH_TRY(const auto subnet, first_free_subnet(std::move(pools), v6, used));
    return IpamConfig{subnet.text(), "", "", {}};
}

Result<> Service::choose_pools(Network& network, const std::vector<Subnet>& host) const {
    std::vector<Subnet> others;
    for (const auto& [id, other] : networks_)
        for (const auto& pool : other.about.pools) others.push_back(*Subnet::parse(pool.subnet));
    std::optional<BridgeSettings> bridge;
    if (network.driver == "bridge") {
        BERTH_TRY(bridge, read_bridge_settings(network));
        if (bridge->by_input.value_or(false) && !can_proxy())
            return fail(ErrorKind::kInvalidArgument,
                        fmt::format("{} needs the userland proxy, which is not there", option::kByInput));
    }
    for (const bool v6 : {false, true}) {
        if (!(v6 ? network.ipv6 : network.ipv4)) continue;
        std::vector<IpamConfig> asked;
        for (const auto& config : network.requested) {
            if (config.v6() != v6) continue;
            const auto subnet = *Subnet::parse(config.subnet);
            const auto meets = [&](const Subnet& other) { return other.overlaps(subnet); };
            if (std::any_of(others.begin(), others.end(), meets))
                return forbidden("invalid pool request: Pool overlaps with other one on this address space");
            others.push_back(subnet);
            asked.push_back(config);
        }
        if (bridge && asked.size() > 1) return forbidden("bridge driver doesn't support multiple subnets");
        if (asked.empty()) {
            auto used = others;
            used.insert(used.end(), host.begin(), host.end());
            BERTH_TRY(auto chosen, choose_pool(v6, std::move(used)));
            others.push_back(*Subnet::parse(chosen.subnet));
            asked.push_back(std::move(chosen));
        }
        for (auto& pool : asked) {
            BERTH_CHECK(choose_gateway(pool, needs_no_gateway(network, bridge, v6)));
            network.pools.push_back(std::move(pool));
        }
    }
    return {};
}

Result<> Service::fill_addresses(LiveNetwork& network) {
    for (const auto& pool : network.about.pools) {
        const auto subnet = Subnet::parse(pool.subnet);
        const auto range = pool.ip_range.empty() ? subnet : Subnet::parse(pool.ip_range);
        if (!subnet || !range)
            return fail(ErrorKind::kDataLoss, fmt::format("network {} has an unreadable subnet {:?}",
                                                          network.about.name, pool.subnet));
        auto& set = network.addresses.emplace_back(*subnet, *range);
        if (auto gateway = Ip::parse(pool.gateway)) set.take(*gateway);
        for (const auto& [name, text] : pool.aux_addresses)
            if (auto address = Ip::parse(text)) set.take(*address);
    }
    return {};
}

}  // namespace berth::network
