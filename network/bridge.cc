#include "network/bridge.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <net/if.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "engine/base/file_lock.h"
#include "engine/base/files.h"
#include "engine/base/log.h"
#include "network/firewall/command.h"
#include "network/ipam/address_pools.h"
#include "network/resolv_conf.h"
#include "network/sandbox/link.h"
#include "network/sandbox/link_removal.h"

namespace berth::network {
namespace {

constexpr const char* kForward = "/proc/sys/net/ipv4/ip_forward";
constexpr const char* kBridgeFilter = "/proc/sys/net/bridge";

Failure taken(const std::string& bridge, std::string_view by) {
    return fail(ErrorKind::kConflict,
                fmt::format("bridge {} is used by {}: give this engine another one with --bridge and --bip",
                            bridge, by));
}

ino_t netns_of(const std::string& process) {
    struct stat about{};
    return ::stat(("/proc/" + process + "/ns/net").c_str(), &about) == 0 ? about.st_ino : 0;
}

// A lock that dies with its holder, one per network namespace and bridge. In /run itself, where only root
// makes files.
Result<UniqueFd> claim(const std::string& bridge) {
    const auto path = fmt::format("/run/berth-bridge-{}-{}.lock", netns_of("self"), bridge);
    BERTH_TRY(auto fd, open_file(path, O_RDWR | O_CREAT | O_NOFOLLOW, 0600));
    if (lock_file(fd.get())) return fd;
    if (errno == EWOULDBLOCK) return taken(bridge, "another berthd");
    return fail_errno("lock " + path);
}

// A dockerd of our network namespace, "" if there is none.
std::string live_dockerd() {
    auto processes = list_folder("/proc");
    if (!processes) return {};
    const auto ours = netns_of("self");
    for (const auto& process : *processes) {
        if (process.empty() || process[0] < '0' || process[0] > '9') continue;
        auto name = read_file("/proc/" + process + "/comm");
        if (name && *name == "dockerd\n" && netns_of(process) == ours) return process;
    }
    return {};
}

Result<Link> bridge_link(sys::NetlinkSocket& socket, const NetworkConfig& config, const std::string& name,
                         int mtu, bool is_default) {
    BERTH_TRY(auto link, find_link(socket, name));
    if (!link) {
        BERTH_CHECK(create_bridge(socket, name, mtu, link_alias(config)));
        BERTH_TRY(link, find_link(socket, name));
        if (!link) return fail(ErrorKind::kInternal, "bridge " + name + " has vanished");
        return *link;
    }
    if (link->kind != "bridge")
        return fail(ErrorKind::kInternal, "existing interface " + name + " is not a bridge");
    if (is_default && !link->alias.starts_with("berth"))
        if (auto process = live_dockerd(); !process.empty())
            return taken(name, fmt::format("dockerd (process {})", process));
    return *link;
}

Result<Prefix> free_address(const NetworkConfig& config) {
    BERTH_TRY(auto used, subnets_of_host());
    auto pools = default_pools();
    if (!config.address_pools.empty()) {
        BERTH_TRY(pools, parse_pools(config.address_pools));
    }
    BERTH_TRY(const auto subnet, first_free_subnet(std::move(pools), false, used));
    return Prefix{{false, subnet.base.value + 1}, subnet.bits};
}

// A host without IPv6 has no such files.
Result<> write_if_there(const std::string& path, std::string_view value) {
    if (!exists(path)) return {};
    return write_file(path, value);
}

// The address that a pool gives to its bridge, if any.
std::optional<Prefix> address_in(const IpamConfig& pool, const BridgeSettings& settings) {
    const auto subnet = Subnet::parse(pool.subnet);
    const auto gateway = Ip::parse(pool.gateway);
    if (!subnet || !gateway || settings.mode(pool.v6()) == GatewayMode::kIsolated ||
        (settings.inhibit_ipv4 && !gateway->v6))
        return std::nullopt;
    return Prefix{*gateway, subnet->bits};
}

}  // namespace

std::string link_alias(const NetworkConfig& config) {
    return "berth " + config.state_dir;
}

Result<std::vector<Subnet>> subnets_of_host() {
    BERTH_TRY(auto socket, sys::NetlinkSocket::open());
    BERTH_TRY(auto used, on_link_subnets(socket));
    // A name server inside a container's subnet could not be reached.
    const std::string text = host_resolv_conf();
    for (std::size_t at = 0; (at = text.find("nameserver ", at)) != text.npos;) {
        at += 11;
        if (auto server = Ip::parse(std::string_view(text).substr(at, text.find_first_of(" \t\n", at) - at)))
            used.push_back({*server, server->width()});
    }
    return used;
}

std::vector<BridgeRules> Bridge::rules() const {
    std::vector<BridgeRules> rules;
    for (const auto& subnet : {v4, v6})
        if (subnet)
            rules.push_back({.bridge = settings.name,
                             .subnet = *subnet,
                             .masquerade = settings.masquerade,
                             .icc = settings.icc,
                             .internal = internal,
                             .mode = settings.mode(subnet->base.v6),
                             .source = subnet->base.v6 ? settings.source6 : settings.source4});
    return rules;
}

Result<> check_config(const NetworkConfig& config) {
    if (!is_interface_name(config.bridge))
        return fail(ErrorKind::kInvalidArgument, fmt::format("invalid bridge name {:?}", config.bridge));
    if (!config.bip.empty()) {
        auto bip = Prefix::parse(config.bip);
        if (!bip || bip->address.v6 || bip->bits < 8 || bip->bits > 30 ||
            bip->address == bip->subnet().base || bip->address == bip->subnet().last())
            return fail(ErrorKind::kInvalidArgument, fmt::format("invalid bip {:?}", config.bip));
    }
    for (const auto* range : {&config.fixed_cidr, &config.fixed_cidr_v6})
        if (!range->empty() && !Subnet::parse(*range))
            return fail(ErrorKind::kInvalidArgument, fmt::format("invalid CIDR address: {}", *range));
    for (const auto* gateway : {&config.default_gateway, &config.default_gateway_v6})
        if (!gateway->empty() && !Ip::parse(*gateway))
            return fail(ErrorKind::kInvalidArgument, fmt::format("invalid default gateway {:?}", *gateway));
    if (const auto bip6 = Prefix::parse(config.bip6); !config.bip6.empty() && (!bip6 || !bip6->address.v6))
        return fail(ErrorKind::kInvalidArgument, fmt::format("invalid bip6 {:?}", config.bip6));
    if (!Ip::parse(config.default_host_ip))
        return fail(ErrorKind::kInvalidArgument,
                    fmt::format("invalid default host IP {:?}", config.default_host_ip));
    if (config.mtu < 68 || config.mtu > 65535)
        return fail(ErrorKind::kInvalidArgument, fmt::format("invalid MTU value: {}", config.mtu));
    BERTH_CHECK(parse_pools(config.address_pools));
    return {};
}

namespace {

// A pool of the default bridge: `range` is where containers get their addresses from, `gateway` where they
// send what leaves it.
Result<IpamConfig> default_pool(const Prefix& address, const std::string& range, const std::string& gateway) {
    IpamConfig pool{address.subnet().text(), "", address.address.text(), {}};
    if (!range.empty()) pool.ip_range = Subnet::parse(range)->text();
    if (!gateway.empty() && Ip::parse(gateway) != address.address)
        pool.aux_addresses[address.address.v6 ? "DefaultGatewayIPv6" : "DefaultGatewayIPv4"] = gateway;
    auto checked = check_ipam({pool}, true);
    if (!checked) return Failure(std::move(checked.error()));
    return pool;
}

Result<Prefix> default_address6(const NetworkConfig& config) {
    if (auto address = Prefix::parse(config.bip6)) return *address;
    auto subnet = Subnet::parse(config.fixed_cidr_v6);
    if (!subnet) {
        BERTH_TRY(subnet, first_free_subnet({local_ipv6_pool(config.data_dir)}, true, {}));
    }
    return Prefix{{true, subnet->base.value + 1}, subnet->bits};
}

}  // namespace

Result<UniqueFd> claim_default_bridge(const NetworkConfig& config, Network& network) {
    BERTH_TRY(auto held, claim(config.bridge));
    BERTH_TRY(auto socket, sys::NetlinkSocket::open());
    BERTH_TRY(const auto link, bridge_link(socket, config, config.bridge, config.mtu, true));
    BERTH_TRY(auto has, list_addresses(socket, link.index, false));
    auto address = Prefix::parse(config.bip);
    if (!address && !has.empty()) address = has.front();
    if (!address) {
        BERTH_TRY(address, free_address(config));
    }
    const auto flag = [](bool on) { return std::string(on ? "true" : "false"); };
    BERTH_TRY(auto pool, default_pool(*address, config.fixed_cidr, config.default_gateway));
    network.pools = {std::move(pool)};
    network.ipv6 = config.ipv6;
    if (config.ipv6) {
        BERTH_TRY(const auto address6, default_address6(config));
        BERTH_TRY(auto pool6, default_pool(address6, config.bip6.empty() ? "" : config.fixed_cidr_v6,
                                           config.default_gateway_v6));
        network.pools.push_back(std::move(pool6));
    }
    network.options = {{option::kDefaultBridge, "true"},
                       {option::kIcc, flag(config.icc)},
                       {option::kMasquerade, flag(config.ip_masq)},
                       {option::kHostBinding, config.default_host_ip},
                       {option::kBridgeName, config.bridge},
                       {option::kMtu, fmt::to_string(config.mtu)}};
    return held;
}

Result<Bridge> set_up_bridge(const NetworkConfig& config, const Network& network) {
    Bridge bridge;
    bridge.internal = network.internal;
    BERTH_TRY(bridge.settings, read_bridge_settings(network));
    const auto& name = bridge.settings.name;
    BERTH_TRY(auto socket, sys::NetlinkSocket::open());
    BERTH_TRY(const auto link,
              bridge_link(socket, config, name, bridge.settings.mtu, bridge.settings.is_default));
    bridge.index = link.index;
    const std::string sysctls = "/proc/sys/net/ipv6/conf/" + name + "/";
    BERTH_CHECK(write_if_there(sysctls + "accept_ra", "0"));
    // While it looked for a second owner of its link-local address, for the two seconds from the first
    // container on, it could not ask for containers' addresses: what comes for them would wait or be lost.
    BERTH_CHECK(write_if_there(sysctls + "accept_dad", "0"));
    if (network.ipv6) BERTH_CHECK(write_if_there(sysctls + "disable_ipv6", "0"));
    for (const auto& pool : network.pools) {
        (pool.v6() ? bridge.v6 : bridge.v4) = Subnet::parse(pool.subnet);
        const auto address = address_in(pool, bridge.settings);
        if (!address) continue;
        BERTH_TRY(const auto has, list_addresses(socket, link.index, pool.v6()));
        if (std::find(has.begin(), has.end(), *address) == has.end())
            BERTH_CHECK(add_address(socket, link.index, *address));
    }
    BERTH_CHECK(set_link_up(socket, link.index));
    return bridge;
}

Result<> take_down_bridge(const NetworkConfig& config, const Bridge& bridge) {
    BERTH_TRY(auto socket, sys::NetlinkSocket::open());
    BERTH_TRY(const auto link, find_link(socket, bridge.settings.name));
    if (!link || link->alias != link_alias(config)) return {};
    return remove_link(link->index);
}

bool forwards() {
    auto value = read_file(kForward);
    return value && value->starts_with('1');
}

namespace {

// Containers of one bridge reach each other across it, where no rule of the host sees it but by br_netfilter.
// For nothing else: on other bridges packets would take the long way for no reason.
Result<> keep_apart(const Bridge& bridge) {
    if (!exists(kBridgeFilter))
        if (auto modprobe = find_tool("modprobe"))
            (void)run_command({*modprobe, "-q", "br_netfilter"}).has_value();
    if (!exists(kBridgeFilter))
        return fail(ErrorKind::kUnavailable,
                    "cannot restrict inter-container communication: this kernel has no br_netfilter");
    BERTH_TRY(auto socket, sys::NetlinkSocket::open());
    return filter_bridged(socket, bridge.index);
}

}  // namespace

Result<> open_bridge(const NetworkConfig& config, const Bridge& bridge) {
    if (bridge.internal) return {};
    if (config.iptables) {
        // 127.0.0.1 of the host to a container's port, and the answers back.
        BERTH_CHECK(
            write_file(fmt::format("/proc/sys/net/ipv4/conf/{}/route_localnet", bridge.settings.name), "1"));
        if (!bridge.settings.icc) BERTH_CHECK(keep_apart(bridge));
    }
    if (bridge.v6 && config.ip_forward) {
        BERTH_CHECK(write_if_there("/proc/sys/net/ipv6/conf/default/forwarding", "1"));
        BERTH_CHECK(write_if_there("/proc/sys/net/ipv6/conf/all/forwarding", "1"));
    }
    if (forwards()) return {};
    if (config.ip_forward) return in("enable IPv4 forwarding", write_file(kForward, "1"));
    log::warning("IPv4 forwarding is disabled: containers reach only the host");
    return {};
}

}  // namespace berth::network
