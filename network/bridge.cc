#include "network/bridge.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <net/if.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstring>

#include "engine/base/files.h"
#include "engine/base/log.h"
#include "network/firewall/command.h"
#include "network/ipam/address_pools.h"
#include "network/resolv_conf.h"
#include "network/sandbox/link.h"

namespace berth::network {
namespace {

constexpr const char* kAlias = "berth";
constexpr const char* kForward = "/proc/sys/net/ipv4/ip_forward";
constexpr const char* kBridgeFilter = "/proc/sys/net/bridge/bridge-nf-call-iptables";

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
    if (::flock(fd.get(), LOCK_EX | LOCK_NB) == 0) return fd;
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

Result<Link> bridge_link(sys::NetlinkSocket& socket, const NetworkConfig& config) {
    BERTH_TRY(auto link, find_link(socket, config.bridge));
    if (!link) {
        BERTH_CHECK(create_bridge(socket, config.bridge, config.mtu, kAlias));
        BERTH_TRY(link, find_link(socket, config.bridge));
        if (!link) return fail(ErrorKind::kInternal, "bridge " + config.bridge + " has vanished");
        return *link;
    }
    if (link->kind != "bridge")
        return fail(ErrorKind::kInvalidArgument, "existing interface " + config.bridge + " is not a bridge");
    if (link->alias != kAlias)
        if (auto process = live_dockerd(); !process.empty())
            return taken(config.bridge, fmt::format("dockerd (process {})", process));
    return *link;
}

Result<Ipv4Prefix> free_address(sys::NetlinkSocket& socket, const NetworkConfig& config) {
    BERTH_TRY(auto used, on_link_subnets(socket));
    // A name server inside a container's subnet could not be reached.
    const std::string text = host_resolv_conf();
    for (std::size_t at = 0; (at = text.find("nameserver ", at)) != text.npos;) {
        at += 11;
        if (auto server =
                Ipv4::parse(std::string_view(text).substr(at, text.find_first_of(" \t\n", at) - at)))
            used.push_back({*server, 32});
    }
    auto pools = default_pools();
    if (!config.address_pools.empty()) {
        BERTH_TRY(pools, parse_pools(config.address_pools));
    }
    BERTH_TRY(const auto subnet, first_free_subnet(std::move(pools), used));
    return Ipv4Prefix{Ipv4{subnet.base.value + 1}, subnet.bits};
}

Result<Ipv4Prefix> bridge_address(sys::NetlinkSocket& socket, const NetworkConfig& config, int index) {
    BERTH_TRY(auto has, list_addresses(socket, index));
    auto wanted = Ipv4Prefix::parse(config.bip);
    if (!wanted && !has.empty()) return has.front();
    if (!wanted) {
        BERTH_TRY(wanted, free_address(socket, config));
    }
    const bool there = std::any_of(has.begin(), has.end(), [&](const Ipv4Prefix& address) {
        return address.address == wanted->address && address.bits == wanted->bits;
    });
    if (!there) BERTH_CHECK(add_address(socket, index, *wanted));
    return *wanted;
}

}  // namespace

BridgeRules Bridge::rules(const NetworkConfig& config) const {
    return {.bridge = name, .subnet = address.subnet(), .masquerade = config.ip_masq, .icc = config.icc};
}

Result<> check_config(const NetworkConfig& config) {
    const auto& name = config.bridge;
    if (name.empty() || name.size() >= IFNAMSIZ || name == "." || name == ".." ||
        !std::all_of(name.begin(), name.end(),
                     [](unsigned char c) { return std::isalnum(c) || strchr("-_.", c); }))
        return fail(ErrorKind::kInvalidArgument, fmt::format("invalid bridge name {:?}", name));
    if (!config.bip.empty()) {
        auto bip = Ipv4Prefix::parse(config.bip);
        if (!bip || bip->bits < 8 || bip->bits > 30 || bip->address == bip->subnet().base ||
            bip->address == bip->subnet().last())
            return fail(ErrorKind::kInvalidArgument, fmt::format("invalid bip {:?}", config.bip));
    }
    if (!Ipv4::parse(config.default_host_ip))
        return fail(ErrorKind::kInvalidArgument,
                    fmt::format("invalid default host IP {:?}", config.default_host_ip));
    if (config.mtu < 68 || config.mtu > 65535)
        return fail(ErrorKind::kInvalidArgument, fmt::format("invalid MTU value: {}", config.mtu));
    BERTH_CHECK(parse_pools(config.address_pools));
    return {};
}

Result<Bridge> set_up_bridge(const NetworkConfig& config) {
    Bridge bridge;
    bridge.name = config.bridge;
    BERTH_TRY(bridge.claim, claim(config.bridge));
    BERTH_TRY(auto socket, sys::NetlinkSocket::open());
    BERTH_TRY(const auto link, bridge_link(socket, config));
    bridge.index = link.index;
    BERTH_TRY(bridge.address, bridge_address(socket, config, link.index));
    // A host without IPv6 has no such file.
    if (const auto path = fmt::format("/proc/sys/net/ipv6/conf/{}/accept_ra", config.bridge); exists(path))
        BERTH_CHECK(write_file(path, "0"));
    BERTH_CHECK(set_link_up(socket, link.index));
    return bridge;
}

bool forwards() {
    auto value = read_file(kForward);
    return value && value->starts_with('1');
}

Result<> open_bridge(const NetworkConfig& config, const Bridge& bridge) {
    if (config.iptables) {
        // 127.0.0.1 of the host to a container's port, and the answers back.
        BERTH_CHECK(write_file(fmt::format("/proc/sys/net/ipv4/conf/{}/route_localnet", bridge.name), "1"));
        // Container to container by a published port: the answer crosses the bridge alone and still needs
        // NAT.
        if (!exists(kBridgeFilter))
            if (auto modprobe = find_tool("modprobe"))
                (void)run_command({*modprobe, "-q", "br_netfilter"}).has_value();
        if (auto written = write_file(kBridgeFilter, "1"); !written)
            log::warning("containers of one bridge cannot reach each other by published ports",
                         {{"error", written.error().message}});
    }
    if (forwards()) return {};
    if (config.ip_forward) return in("enable IPv4 forwarding", write_file(kForward, "1"));
    log::warning("IPv4 forwarding is disabled: containers reach only the host");
    return {};
}

}  // namespace berth::network
