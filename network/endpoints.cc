// One container's place in one network.
#include <fmt/format.h>

#include <algorithm>

#include "engine/base/files.h"
#include "engine/base/ids.h"
#include "engine/base/log.h"
#include "network/bridge_settings.h"
#include "network/endpoint_options.h"
#include "network/ipam/check.h"
#include "network/sandbox/link.h"
#include "network/sandbox/sublink.h"
#include "network/service.h"

namespace berth::network {
namespace {

// eth0, eth1, …: the first that no other endpoint has.
std::string free_interface(const std::string& prefix, const std::vector<Endpoint>& others) {
    for (int number = 0;; ++number) {
        auto name = prefix + std::to_string(number);
        const auto has_it = [&](const Endpoint& other) { return other.interface == name; };
        if (std::none_of(others.begin(), others.end(), has_it)) return name;
    }
}

// "-o com.docker.network.container_iface_prefix" counts for a network of any driver with links.
std::string interface_prefix(const Network& network) {
    const auto found = network.options.find(option::kInterfacePrefix);
    return found == network.options.end() || found->second.empty() || !is_interface_name(found->second + "00")
               ? "eth"
               : found->second;
}

bool is_link_local(const Ip& address) {
    return address.v6 ? address.value >> 118 == 0x3fa : address.value >> 16 == 0xa9fe;
}

// In the container's namespace. No IPv6 on a network that has none: nobody would filter it. The container's
// own loopback keeps it.
Result<> configure(sys::NetlinkSocket& inside, const Endpoint& endpoint) {
    BERTH_TRY(const auto link, find_link(inside, endpoint.interface));
    if (!link)
        return fail(ErrorKind::kInternal,
                    "no " + endpoint.interface + " in the container's network namespace");
    if (const auto path = "/proc/sys/net/ipv6/conf/" + endpoint.interface + "/"; exists(path)) {
        BERTH_CHECK(write_file(path + "disable_ipv6", endpoint.ipv6_address.empty() ? "1" : "0"));
        BERTH_CHECK(write_file(path + "accept_ra", "0"));
    }
    if (auto address = Ip::parse(endpoint.ip_address))
        BERTH_CHECK(add_address(inside, link->index, {*address, endpoint.prefix_length}));
    if (auto address = Ip::parse(endpoint.ipv6_address))
        BERTH_CHECK(add_address(inside, link->index, {*address, endpoint.ipv6_prefix_length}));
    for (const auto& text : endpoint.link_local_addresses)
        if (auto address = Ip::parse(text))
            BERTH_CHECK(add_address(inside, link->index, {*address, address->v6 ? 64 : 16}));
    BERTH_CHECK(set_link_up(inside, link->index));
    return apply_sysctls(endpoint.sysctls, "veth" + endpoint.endpoint_id.substr(0, 7));
}

}  // namespace

AddressSet* Service::LiveNetwork::set_of(const Ip& address) {
    for (auto& set : addresses)
        if (set.subnet().contains(address)) return &set;
    return nullptr;
}

namespace {

// Takes an address of one family: the wanted one, or the first that is free. Its index among the network's
// pools.
Result<std::size_t> take_address(std::vector<AddressSet>& sets, bool v6, const std::string& wanted,
                                 const Network& network, std::optional<Ip>& taken) {
    if (!wanted.empty()) {
        taken = Ip::parse(wanted);
        if (!taken) return fail(ErrorKind::kInvalidArgument, "invalid IP address: " + wanted);
        for (std::size_t i = 0; i < sets.size(); ++i) {
            if (!sets[i].subnet().contains(*taken)) continue;
            if (!sets[i].take(*taken)) return fail(ErrorKind::kForbidden, "Address already in use");
            return i;
        }
        return fail(ErrorKind::kInvalidArgument,
                    fmt::format("no configured subnet or ip-range contain the IP address {}", wanted));
    }
    for (std::size_t i = 0; i < sets.size(); ++i)
        if (sets[i].subnet().base.v6 == v6 && (taken = sets[i].take_first())) return i;
    return fail(ErrorKind::kUnavailable,
                fmt::format("no available IPv{} addresses on this network's address pools: {} ({})",
                            v6 ? 6 : 4, network.name, network.id));
}

// Where what leaves the network goes; "" when nothing may.
std::string gateway_in(const Network& network, const IpamConfig& pool) {
    if (network.internal) return {};
    const auto other = pool.aux_addresses.find(pool.v6() ? "DefaultGatewayIPv6" : "DefaultGatewayIPv4");
    return other == pool.aux_addresses.end() ? pool.gateway : other->second;
}

}  // namespace

Result<> Service::choose_addresses(LiveNetwork& network, const EndpointRequest& request, Endpoint& endpoint) {
    const auto& about = network.about;
    const auto has = [&](bool v6) {
        return std::any_of(about.pools.begin(), about.pools.end(),
                           [&](const IpamConfig& pool) { return pool.v6() == v6; });
    };
    std::optional<Ip> first, second;
    if (has(false)) {
        BERTH_TRY(const auto at, take_address(network.addresses, false, request.ipv4_address, about, first));
        endpoint.ip_address = first->text();
        endpoint.prefix_length = network.addresses[at].subnet().bits;
        endpoint.gateway = gateway_in(about, about.pools[at]);
    }
    if (has(true)) {
        const auto at = take_address(network.addresses, true, request.ipv6_address, about, second);
        if (!at) {
            if (first) network.set_of(*first)->release(*first);
            return Failure(at.error());
        }
        endpoint.ipv6_address = second->text();
        endpoint.ipv6_prefix_length = network.addresses[*at].subnet().bits;
        endpoint.ipv6_gateway = gateway_in(about, about.pools[*at]);
    }
    return {};
}

Result<> Service::choose_link(const LiveNetwork& network, const EndpointRequest& request,
                              const std::vector<Endpoint>& others, Endpoint& endpoint) {
    const auto& about = network.about;
    const auto veth = "veth" + endpoint.endpoint_id.substr(0, 7);
    std::vector<std::string> taken;
    for (const auto& other : others) taken.push_back(other.interface);
    BERTH_TRY(endpoint.interface, wanted_interface(request.driver_options, taken, veth));
    if (endpoint.interface.empty()) endpoint.interface = free_interface(interface_prefix(about), others);
    BERTH_TRY(endpoint.sysctls, interface_sysctls(request.driver_options, endpoint.interface, veth));
    endpoint.link_local_addresses = request.link_local_addresses;
    for (const auto& text : request.link_local_addresses)
        if (const auto address = Ip::parse(text); address && !is_link_local(*address))
            return fail(ErrorKind::kInternal, "invalid link local IP address: " + text);
    const auto wanted = MacAddress::parse(request.mac_address);
    if (!network.parent) {
        const auto ip = Ip::parse(endpoint.ip_address);
        endpoint.mac_address = (wanted ? *wanted : ip ? MacAddress::of(*ip) : MacAddress::random()).text();
        return {};
    }
    if (network.parent->own_dummy || network.parent->routes_by_link()) {
        endpoint.gateway.clear();
        endpoint.ipv6_gateway.clear();
    }
    if (network.parent->driver == "macvlan") {
        // Among neighbours whose addresses are nobody's here to give.
        endpoint.mac_address = (wanted ? *wanted : MacAddress::random()).text();
        return {};
    }
    if (wanted)
        return fail(ErrorKind::kInternal, "ipvlan interfaces do not support custom mac address assignment");
    endpoint.gatewayless = network.parent->routes_by_link() && !about.internal && !network.parent->own_dummy;
    return {};
}

Result<Endpoint> Service::reserve_endpoint(const std::string& container_id, const std::string& container_name,
                                           const EndpointRequest& request,
                                           const std::vector<Endpoint>& others) {
    BERTH_TRY(const auto about, inspect(request.network));
    BERTH_CHECK(in("invalid config for network " + about.name, check(about, request)));
    const std::lock_guard lock(mutex_);
    auto* network = network_of(about.id);
    if (!network) return fail(ErrorKind::kNotFound, fmt::format("network {} not found", request.network));
    if (about.config_only)
        return fail(ErrorKind::kForbidden,
                    fmt::format("cannot attach container {} to configuration network {}",
                                short_id(container_id), about.name));
    const auto same = [&](const Endpoint& other) { return other.network_id == about.id; };
    if (std::any_of(others.begin(), others.end(), same))
        return fail(ErrorKind::kForbidden, fmt::format("endpoint with name {} already exists in network {}",
                                                       container_name, about.name));
    Endpoint endpoint;
    endpoint.network_name = about.name;
    endpoint.network_id = about.id;
    endpoint.endpoint_id = new_id();
    endpoint.container_name = container_name;
    endpoint.gateway_priority = request.gateway_priority;
    endpoint.driver = about.driver;
    if (about.driver == "bridge" || stands_on_parent(about)) {
        if (!network->ready())
            return fail(ErrorKind::kUnavailable, fmt::format("network {} is not set up", about.name));
        if (!about.predefined()) {
            endpoint.names = request.names;
            endpoint.links = request.links;
        }
        BERTH_CHECK(choose_addresses(*network, request, endpoint));
        if (auto chosen = choose_link(*network, request, others, endpoint); !chosen) {
            release_addresses(*network, endpoint);
            return Failure(std::move(chosen.error()));
        }
    }
    ++network->users;
    return endpoint;
}

void Service::release_addresses(LiveNetwork& network, const Endpoint& endpoint) {
    for (const auto& text : {endpoint.ip_address, endpoint.ipv6_address})
        if (const auto address = Ip::parse(text))
            if (auto* set = network.set_of(*address)) set->release(*address);
}

void Service::release_endpoint(const Endpoint& endpoint) {
    const std::lock_guard lock(mutex_);
    auto* network = network_with(endpoint.network_id);
    if (!network) return;
    --network->users;
    release_addresses(*network, endpoint);
}

namespace {

// On a link of the host's, straight into the container's namespace.
Result<> plug_into_parent(sys::NetlinkSocket& host, const ParentSettings& settings, const Endpoint& endpoint,
                          int netns_fd) {
    BERTH_TRY(const auto parent, find_link(host, settings.link));
    if (!parent)
        return fail(
            ErrorKind::kInternal,
            fmt::format("the requested parent interface {} was not found on the Docker host", settings.link));
    auto made = create_sublink(host, {.kind = settings.driver,
                                      .mode = settings.mode,
                                      .flag = settings.flag,
                                      .parent = parent->index,
                                      .name = endpoint.interface,
                                      .netns_fd = netns_fd,
                                      .mac = endpoint.mac_address});
    if (made) return {};
    return fail(ErrorKind::kInternal,
                fmt::format("failed to create the {} port: {}", settings.driver, errno_text(made.error())));
}

}  // namespace

Result<> Service::plug(sys::NetlinkSocket& host, sys::NetlinkSocket& inside, const Endpoint& endpoint,
                       int netns_fd) {
    if (endpoint.interface.empty()) return {};
    std::optional<ParentSettings> parent;
    Veth veth{.host_name = veth_of(endpoint), .peer_name = endpoint.interface, .netns_fd = netns_fd};
    {
        const std::lock_guard lock(mutex_);
        const auto* network = network_with(endpoint.network_id);
        if (!network || !network->ready())
            return fail(ErrorKind::kNotFound, fmt::format("network {} not found", endpoint.network_name));
        parent = network->parent;
        if (network->bridge) {
            veth.bridge = network->bridge->index;
            veth.mtu = network->bridge->settings.mtu;
        }
    }
    if (parent) {
        BERTH_CHECK(plug_into_parent(host, *parent, endpoint, netns_fd));
    } else {
        veth.peer_mac = *MacAddress::parse(endpoint.mac_address);
        BERTH_CHECK(create_veth(host, veth));
    }
    return configure(inside, endpoint);
}

Result<> Service::settle(const Endpoint& endpoint, bool hairpin) {
    if (veth_of(endpoint).empty()) return {};
    BERTH_TRY(auto socket, sys::NetlinkSocket::open());
    BERTH_TRY(const auto link, find_forwarding_link(socket, veth_of(endpoint)));
    if (!link) return fail(ErrorKind::kInternal, veth_of(endpoint) + " has vanished");
    if (!hairpin) return {};
    return set_hairpin(socket, link->index);
}

// The veth goes with its namespace, a little later; until then it must not answer for its addresses.
void Service::silence(const Endpoint& endpoint) {
    if (veth_of(endpoint).empty()) return;
    const auto quiet = [&]() -> Result<> {
        BERTH_TRY(auto socket, sys::NetlinkSocket::open());
        BERTH_TRY(const auto port, find_link(socket, veth_of(endpoint)));
        if (!port || !port->master) return {};
        BERTH_CHECK(silence_port(socket, port->index));
        for (const auto& text : {endpoint.ip_address, endpoint.ipv6_address})
            if (auto address = Ip::parse(text)) BERTH_CHECK(forget_neighbour(socket, port->master, *address));
        return {};
    };
    if (auto silenced = quiet(); !silenced)
        log::debug("cannot silence port", {{"veth", veth_of(endpoint)}, {"error", silenced.error().message}});
}

}  // namespace berth::network
