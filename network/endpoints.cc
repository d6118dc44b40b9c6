// One container's place in one network.
#include <fmt/format.h>

#include <algorithm>

#include "engine/base/files.h"
#include "engine/base/ids.h"
#include "engine/base/log.h"
#include "network/sandbox/link.h"
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

Result<Ip> take_address(AddressSet& set, const std::string& wanted, const Endpoint& endpoint) {
    if (!wanted.empty()) {
        const auto address = Ip::parse(wanted);
        if (!address) return fail(ErrorKind::kInvalidArgument, "invalid IP address: " + wanted);
        if (!set.subnet().contains(*address))
            return fail(ErrorKind::kInvalidArgument,
                        fmt::format("no configured subnet or ip-range contain the IP address {}", wanted));
        if (!set.take(*address)) return fail(ErrorKind::kForbidden, "Address already in use");
        return *address;
    }
    if (auto address = set.take_first()) return *address;
    return fail(ErrorKind::kUnavailable,
                fmt::format("no available IPv{} addresses on this network's address pools: {} ({})",
                            set.subnet().base.v6 ? 6 : 4, endpoint.network_name, endpoint.network_id));
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
    return set_link_up(inside, link->index);
}

}  // namespace

Result<> Service::choose_addresses(LiveNetwork& network, const EndpointRequest& request, Endpoint& endpoint) {
    const auto& about = network.about;
    std::optional<Ip> first;
    if (network.v4) {
        BERTH_TRY(const auto address, take_address(*network.v4, request.ipv4_address, endpoint));
        endpoint.ip_address = address.text();
        endpoint.prefix_length = network.v4->subnet().bits;
        if (!about.internal) endpoint.gateway = about.gateway(false);
        first = address;
    }
    if (network.v6) {
        auto address = take_address(*network.v6, request.ipv6_address, endpoint);
        if (!address) {
            if (first) network.v4->release(*first);
            return Failure(std::move(address.error()));
        }
        endpoint.ipv6_address = address->text();
        endpoint.ipv6_prefix_length = network.v6->subnet().bits;
        if (!about.internal) endpoint.ipv6_gateway = about.gateway(true);
    }
    const auto mac = MacAddress::parse(request.mac_address);
    endpoint.mac_address = (mac ? *mac : first ? MacAddress::of(*first) : MacAddress::random()).text();
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
    if (about.driver == "bridge") {
        if (!network->bridge)
            return fail(ErrorKind::kUnavailable, fmt::format("network {} is not set up", about.name));
        endpoint.interface = free_interface(network->bridge->settings.interface_prefix, others);
        endpoint.link_local_addresses = request.link_local_addresses;
        if (!about.predefined()) {
            endpoint.names = request.names;
            endpoint.links = request.links;
        }
        BERTH_CHECK(choose_addresses(*network, request, endpoint));
    }
    ++network->users;
    return endpoint;
}

void Service::release_endpoint(const Endpoint& endpoint) {
    const std::lock_guard lock(mutex_);
    auto* network = network_with(endpoint.network_id);
    if (!network) return;
    --network->users;
    if (auto address = Ip::parse(endpoint.ip_address); address && network->v4) network->v4->release(*address);
    if (auto address = Ip::parse(endpoint.ipv6_address); address && network->v6)
        network->v6->release(*address);
}

Result<> Service::plug(sys::NetlinkSocket& host, sys::NetlinkSocket& inside, const Endpoint& endpoint,
                       int netns_fd) {
    if (endpoint.interface.empty()) return {};
    Veth veth{.host_name = veth_of(endpoint),
              .peer_name = endpoint.interface,
              .netns_fd = netns_fd,
              .peer_mac = *MacAddress::parse(endpoint.mac_address)};
    {
        const std::lock_guard lock(mutex_);
        const auto* network = network_with(endpoint.network_id);
        if (!network || !network->bridge)
            return fail(ErrorKind::kNotFound, fmt::format("network {} not found", endpoint.network_name));
        veth.bridge = network->bridge->index;
        veth.mtu = network->bridge->settings.mtu;
    }
    BERTH_CHECK(create_veth(host, veth));
    return configure(inside, endpoint);
}

Result<> Service::settle(const Endpoint& endpoint, bool hairpin) {
    if (endpoint.interface.empty()) return {};
    BERTH_TRY(auto socket, sys::NetlinkSocket::open());
    BERTH_TRY(const auto link, find_forwarding_link(socket, veth_of(endpoint)));
    if (!link) return fail(ErrorKind::kInternal, veth_of(endpoint) + " has vanished");
    if (!hairpin) return {};
    return set_hairpin(socket, link->index);
}

// The veth goes with its namespace, a little later; until then it must not answer for its addresses.
void Service::silence(const Endpoint& endpoint) {
    if (endpoint.interface.empty()) return;
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
