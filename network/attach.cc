#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <tuple>

#include "engine/base/files.h"
#include "engine/base/ids.h"
#include "engine/base/log.h"
#include "engine/base/undo.h"
#include "network/sandbox/conntrack.h"
#include "network/sandbox/link.h"
#include "network/sandbox/netns.h"
#include "network/service.h"

namespace berth::network {
namespace {

constexpr const char* kContainerLink = "eth0";

void note(Result<>& first, Result<> result) {
    if (!result && first) first = std::move(result);
}

// Docker's order: exact ports before ranges, then by container port, protocol and host port.
bool binds_earlier(const PortBinding& a, const PortBinding& b) {
    const auto key = [](const PortBinding& port) {
        const bool range =
            port.host_port == 0 || (port.host_port_end != 0 && port.host_port_end != port.host_port);
        return std::make_tuple(range, port.container_port, port.protocol, port.host_port, port.host_port_end);
    };
    return key(a) < key(b);
}

constexpr int kLoopback = 1;  // its index in every namespace

// In the container's namespace.
Result<> configure_eth0(sys::NetlinkSocket& socket, const Endpoint& endpoint) {
    BERTH_TRY(const auto link, find_link(socket, kContainerLink));
    if (!link) return fail(ErrorKind::kInternal, "no eth0 in the container's network namespace");
    // No IPv6 on a network that has none: nobody would filter it. The container's own loopback keeps it.
    if (const auto path = fmt::format("/proc/sys/net/ipv6/conf/{}/disable_ipv6", kContainerLink);
        exists(path))
        BERTH_CHECK(write_file(path, "1"));
    BERTH_CHECK(
        add_address(socket, link->index, {*Ipv4::parse(endpoint.ip_address), endpoint.prefix_length}));
    BERTH_CHECK(set_link_up(socket, link->index));
    return add_default_route(socket, link->index, *Ipv4::parse(endpoint.gateway));
}

// The veth goes with its namespace, a little later; until then it must not answer for the address.
Result<> silence(const std::string& veth, Ipv4 address) {
    BERTH_TRY(auto socket, sys::NetlinkSocket::open());
    BERTH_TRY(const auto port, find_link(socket, veth));
    if (!port || !port->master) return {};
    BERTH_CHECK(silence_port(socket, port->index));
    return forget_neighbour(socket, port->master, address);
}

}  // namespace

Result<Sandbox> Service::attach(const SandboxRequest& request) {
    if (find(request.container_id)) BERTH_CHECK(detach(request.container_id));
    BERTH_TRY(auto attached, plan(request));
    UndoStack undo;
    undo.push([&] { give_back(attached); });
    BERTH_CHECK(records_.write(attached.record));
    undo.push([&] {
        if (auto result = tear_down(attached.record); !result)
            log::error("cannot take back network sandbox",
                       {{"container", request.container_id}, {"error", result.error().message}});
    });
    BERTH_CHECK(build(attached));
    BERTH_CHECK(settle(attached));
    if (!attached.ports.empty()) {
        const auto& endpoint = attached.record.sandbox.endpoints.front();
        BERTH_CHECK(in(fmt::format("driver failed programming external connectivity on endpoint {} ({})",
                                   request.container_name, endpoint.endpoint_id),
                       publish(attached)));
    }
    undo.keep();
    auto sandbox = attached.record.sandbox;
    report("connect", attached);
    const std::lock_guard lock(mutex_);
    attached_.insert_or_assign(request.container_id, std::move(attached));
    return sandbox;
}

Result<Service::Attached> Service::plan(const SandboxRequest& request) {
    Attached attached;
    auto& sandbox = attached.record.sandbox;
    attached.record.container = request.container_id;
    sandbox.id = new_id();
    sandbox.key = handle_folder() + "/" + std::string(short_id(sandbox.id));
    Endpoint endpoint;
    endpoint.container_name = request.container_name;
    endpoint.endpoint_id = new_id();
    {
        const std::lock_guard lock(mutex_);
        const auto* network = network_of(request.network);
        if (!network) return fail(ErrorKind::kNotFound, fmt::format("network {} not found", request.network));
        if (network->driver == "host")
            return fail(ErrorKind::kInvalidArgument, "the host network needs no sandbox");
        endpoint.network_name = network->name;
        endpoint.network_id = network->id;
    }
    if (endpoint.network_name == "none") {
        sandbox.endpoints.push_back(std::move(endpoint));
        return attached;
    }
    BERTH_CHECK(plan_address(request, endpoint));
    attached.record.veth = "veth" + endpoint.endpoint_id.substr(0, 7);
    sandbox.endpoints.push_back(std::move(endpoint));
    if (auto reserved = reserve_ports(request, attached); !reserved) {
        give_back(attached);
        return Failure(std::move(reserved.error()));
    }
    return attached;
}

Result<> Service::plan_address(const SandboxRequest& request, Endpoint& endpoint) {
    if (!request.ipv4_address.empty())
        return fail(ErrorKind::kInvalidArgument,
                    "user specified IP address is supported on user defined networks only");
    auto mac = MacAddress::parse(request.mac_address);
    if (!mac && !request.mac_address.empty())
        return fail(ErrorKind::kInvalidArgument, fmt::format("invalid MAC address: {}", request.mac_address));
    const std::lock_guard lock(mutex_);
    if (!bridge_) return fail(ErrorKind::kUnavailable, "the default bridge is not set up");
    const auto address = addresses_->take_first();
    if (!address)
        return fail(ErrorKind::kUnavailable,
                    fmt::format("no available IPv4 addresses on this network's address pools: {} ({})",
                                endpoint.network_name, endpoint.network_id));
    endpoint.ip_address = address->text();
    endpoint.prefix_length = bridge_->address.bits;
    endpoint.gateway = bridge_->address.address.text();
    endpoint.mac_address = mac.value_or(MacAddress::of(*address)).text();
    return {};
}

Result<> Service::reserve_ports(const SandboxRequest& request, Attached& attached) {
    auto& sandbox = attached.record.sandbox;
    const auto& endpoint = sandbox.endpoints.front();
    const auto trouble = fmt::format("driver failed programming external connectivity on endpoint {} ({})",
                                     request.container_name, endpoint.endpoint_id);
    auto bindings = request.ports;
    std::stable_sort(bindings.begin(), bindings.end(), binds_earlier);
    for (auto& binding : bindings) {
        if (!firewall_)
            return fail(ErrorKind::kNotImplemented, "published ports are not supported with iptables=false");
        if (binding.protocol != "tcp" && binding.protocol != "udp")
            return fail(ErrorKind::kNotImplemented,
                        fmt::format("publishing {} ports is not supported yet", binding.protocol));
        if (binding.host_ip.empty()) binding.host_ip = config_.default_host_ip;
        const auto host_ip = Ipv4::parse(binding.host_ip);
        if (!host_ip && binding.host_ip.find(':') != std::string::npos)
            return fail(
                ErrorKind::kNotImplemented,
                fmt::format("publishing on the IPv6 address {} is not supported yet", binding.host_ip));
        if (!host_ip || (binding.host_port_end != 0 && binding.host_port_end < binding.host_port))
            return fail(ErrorKind::kInvalidArgument,
                        fmt::format("invalid port binding {}:{}-{}", binding.host_ip, binding.host_port,
                                    binding.host_port_end));
        auto port = host_ports_.reserve({.host_ip = *host_ip,
                                         .protocol = binding.protocol,
                                         .first = binding.host_port,
                                         .last = std::max(binding.host_port, binding.host_port_end),
                                         .container_ip = *Ipv4::parse(endpoint.ip_address),
                                         .container_port = binding.container_port});
        if (!port) return Failure(std::move(port.error()).in(trouble));
        binding.host_port = port->port;
        binding.host_port_end = 0;
        sandbox.ports.push_back(binding);
        attached.ports.push_back(std::move(*port));
    }
    return {};
}

Result<> Service::build(const Attached& attached) {
    const auto& sandbox = attached.record.sandbox;
    const auto& endpoint = sandbox.endpoints.front();
    // Opened here, on a thread of the host's namespace: that is where the veth's one end goes.
    BERTH_TRY(auto host, sys::NetlinkSocket::open());
    return create_netns(sandbox.key, [&](int netns_fd) -> Result<> {
        BERTH_TRY(auto socket, sys::NetlinkSocket::open());
        BERTH_CHECK(set_link_up(socket, kLoopback));
        if (attached.record.veth.empty()) return {};
        BERTH_CHECK(connect(host, endpoint, attached.record.veth, netns_fd));
        return configure_eth0(socket, endpoint);
    });
}

Result<> Service::connect(sys::NetlinkSocket& host, const Endpoint& endpoint, const std::string& veth,
                          int netns_fd) {
    int bridge = 0;
    {
        const std::lock_guard lock(mutex_);
        bridge = bridge_->index;
    }
    return create_veth(host, {.host_name = veth,
                              .bridge = bridge,
                              .peer_name = kContainerLink,
                              .netns_fd = netns_fd,
                              .peer_mac = *MacAddress::parse(endpoint.mac_address),
                              .mtu = config_.mtu});
}

Result<> Service::settle(const Attached& attached) {
    if (attached.record.veth.empty()) return {};
    BERTH_TRY(auto socket, sys::NetlinkSocket::open());
    BERTH_TRY(const auto link, find_forwarding_link(socket, attached.record.veth));
    if (!link) return fail(ErrorKind::kInternal, attached.record.veth + " has vanished");
    if (attached.ports.empty()) return {};
    return set_hairpin(socket, link->index);
}

Result<> Service::publish(const Attached& attached) {
    BERTH_CHECK(firewall_->add(rules_of(attached.record)));
    std::set<std::uint16_t> udp;
    for (const auto& port : attached.ports)
        if (port.protocol == "udp") udp.insert(port.port);
    forget_udp_flows(udp);
    return {};
}

std::vector<Rule> Service::rules_of(const Record& record) const {
    std::vector<PublishedPort> ports;
    const auto& sandbox = record.sandbox;
    for (const auto& port : sandbox.ports)
        ports.push_back(
            {port.protocol, Ipv4::parse(port.host_ip).value_or(Ipv4{}), port.host_port, port.container_port});
    const auto container = Ipv4::parse(sandbox.endpoints.front().ip_address);
    if (!container) return {};
    return port_rules(config_.bridge, *container, ports);
}

Result<> Service::detach(const std::string& container_id) {
    Attached attached;
    {
        const std::lock_guard lock(mutex_);
        const auto found = attached_.find(container_id);
        if (found == attached_.end()) return {};
        attached = std::move(found->second);
        attached_.erase(found);
    }
    auto result = tear_down(attached.record);
    if (!result) {
        // Address and ports stay reserved: whatever still points at them must not reach another container.
        const std::lock_guard lock(mutex_);
        attached_.emplace(container_id, std::move(attached));
        return result;
    }
    give_back(attached);
    report("disconnect", attached);
    return {};
}

Result<> Service::tear_down(const Record& record) {
    Result<> first;
    const auto& sandbox = record.sandbox;
    if (!record.veth.empty()) {
        const auto address = Ipv4::parse(sandbox.endpoints.front().ip_address);
        if (auto silenced = silence(record.veth, address.value_or(Ipv4{})); !silenced)
            log::debug("cannot silence port", {{"veth", record.veth}, {"error", silenced.error().message}});
        if (firewall_) note(first, firewall_->remove(rules_of(record)));
        if (address && !sandbox.ports.empty()) forget_connections(*address);
    }
    note(first, remove_netns(sandbox.key));
    if (first) note(first, records_.remove(record.container));
    return first;
}

void Service::give_back(const Attached& attached) {
    for (const auto& port : attached.ports) host_ports_.release(port);
    const std::lock_guard lock(mutex_);
    if (addresses_)
        if (auto address = Ipv4::parse(attached.record.sandbox.endpoints.front().ip_address))
            addresses_->release(*address);
}

}  // namespace berth::network
