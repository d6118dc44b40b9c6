// A container's sandbox from its start to its end.
#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <tuple>

#include "engine/base/files.h"
#include "engine/base/ids.h"
#include "engine/base/log.h"
#include "engine/base/undo.h"
#include "network/routes.h"
#include "network/sandbox/link.h"
#include "network/sandbox/netns.h"
#include "network/service.h"

namespace berth::network {
namespace {

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

constexpr const char* kAnyIpv6 = "::";
constexpr int kLoopback = 1;  // its index in every namespace

Result<> check_binding(const PortBinding& binding) {
    if (binding.protocol != "tcp" && binding.protocol != "udp")
        return fail(ErrorKind::kNotImplemented,
                    fmt::format("publishing {} ports is not supported yet", binding.protocol));
    const auto host_ip = Ip::parse(binding.host_ip);
    if (!host_ip || (binding.host_port_end != 0 && binding.host_port_end < binding.host_port))
        return fail(ErrorKind::kInvalidArgument, fmt::format("invalid port binding {}:{}-{}", binding.host_ip,
                                                             binding.host_port, binding.host_port_end));
    return {};
}

std::string trouble_with(const Record& record, const Endpoint& endpoint) {
    return fmt::format("driver failed programming external connectivity on endpoint {} ({})", record.name,
                       endpoint.endpoint_id);
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
    const auto& sandbox = attached.record.sandbox;
    ResolverSockets sockets;
    if (!sandbox.key.empty()) BERTH_CHECK(build(attached, sockets));
    if (sandbox.resolver) BERTH_CHECK(records_.write(attached.record));
    for (const auto& endpoint : sandbox.endpoints)
        BERTH_CHECK(settle(endpoint, endpoint.endpoint_id == attached.record.published_on));
    std::shared_lock changing(rules_mutex_);
    if (!sandbox.ports.empty())
        BERTH_CHECK(in(trouble_with(attached.record, *gateway_of(sandbox)), publish(attached)));
    undo.keep();
    const auto record = attached.record;
    const auto& copy = record.sandbox;
    {
        const std::lock_guard lock(mutex_);
        attached_.insert_or_assign(request.container_id, std::move(attached));
    }
    changing.unlock();
    if (auto named = start_names(record, std::move(sockets)); !named) {
        if (auto detached = detach(request.container_id); !detached)
            log::error("cannot take back network sandbox", {{"error", detached.error().message}});
        return Failure(std::move(named.error()));
    }
    for (const auto& endpoint : copy.endpoints) report("connect", request.container_id, endpoint);
    return copy;
}

Result<Service::Attached> Service::plan(const SandboxRequest& request) {
    Attached attached;
    auto& record = attached.record;
    auto& sandbox = record.sandbox;
    record.container = request.container_id;
    record.name = request.container_name;
    record.dns = request.dns;
    record.requested = request.ports;
    sandbox.id = new_id();
    sandbox.key = handle_folder() + "/" + std::string(short_id(sandbox.id));
    UndoStack undo;
    undo.push([&] { give_back(attached); });
    for (const auto& wanted : request.endpoints) {
        BERTH_TRY(auto endpoint, reserve_endpoint(record.container, record.name, wanted, sandbox.endpoints));
        if (endpoint.network_name == "host") sandbox.key.clear();
        sandbox.endpoints.push_back(std::move(endpoint));
    }
    BERTH_CHECK(reserve_ports(attached));
    undo.keep();
    return attached;
}

Result<> Service::reserve_ports(Attached& attached) {
    auto& record = attached.record;
    auto& sandbox = record.sandbox;
    const auto* gateway = gateway_of(sandbox);
    record.published_on.clear();
    if (!gateway || record.requested.empty()) return {};
    const auto container_ip = Ip::parse(gateway->ip_address).value_or(Ip{});
    std::string default_ip;
    {
        const std::lock_guard lock(mutex_);
        default_ip = network_with(gateway->network_id)->bridge->settings.host_binding;
    }
    if (!firewalls_.v4)
        return fail(ErrorKind::kNotImplemented, "published ports are not supported with iptables=false");
    for (auto& binding : expand(record.requested, default_ip)) {
        BERTH_CHECK(check_binding(binding));
        if (config_.netd_path.empty() && Ip::parse(binding.host_ip)->v6)
            return fail(ErrorKind::kUnavailable,
                        fmt::format("publishing on {} needs berth-netd", binding.host_ip));
        // Its other half has chosen the port.
        if (binding.host_ip == kAnyIpv6 && binding.host_port == 0)
            binding.host_port = sandbox.ports.back().host_port;
        BERTH_CHECK(in(trouble_with(record, *gateway), reserve_one(attached, binding, container_ip)));
    }
    record.published_on = gateway->endpoint_id;
    return {};
}

// A port on every address is one on 0.0.0.0 and one on [::] of the same number.
std::vector<PortBinding> Service::expand(const std::vector<PortBinding>& bindings,
                                         const std::string& default_ip) const {
    const bool both = !config_.netd_path.empty() && exists("/proc/net/if_inet6");
    auto sorted = bindings;
    std::stable_sort(sorted.begin(), sorted.end(), binds_earlier);
    std::vector<PortBinding> out;
    for (auto& binding : sorted) {
        const bool any = binding.host_ip.empty() && default_ip == "0.0.0.0";
        if (binding.host_ip.empty()) binding.host_ip = default_ip;
        out.push_back(binding);
        if (!any || !both) continue;
        binding.host_ip = kAnyIpv6;
        // Out of a range the first half chooses.
        if (binding.host_port_end != 0) binding.host_port = binding.host_port_end = 0;
        out.push_back(binding);
    }
    return out;
}

Result<> Service::reserve_one(Attached& attached, PortBinding binding, Ip container_ip) {
    BERTH_TRY(auto port, host_ports_.reserve({.host_ip = *Ip::parse(binding.host_ip),
                                              .protocol = binding.protocol,
                                              .first = binding.host_port,
                                              .last = std::max(binding.host_port, binding.host_port_end),
                                              .container_ip = container_ip,
                                              .container_port = binding.container_port}));
    binding.host_port = port.port;
    binding.host_port_end = 0;
    attached.record.sandbox.ports.push_back(std::move(binding));
    attached.ports.push_back(std::move(port));
    return {};
}

Result<> Service::build(Attached& attached, ResolverSockets& sockets) {
    const auto& sandbox = attached.record.sandbox;
    // Opened here, on a thread of the host's namespace: that is where the veths' other ends go.
    BERTH_TRY(auto host, sys::NetlinkSocket::open());
    return create_netns(sandbox.key, [&](int netns_fd) -> Result<> {
        BERTH_TRY(auto inside, sys::NetlinkSocket::open());
        BERTH_CHECK(set_link_up(inside, kLoopback));
        for (const auto& endpoint : sandbox.endpoints) BERTH_CHECK(plug(host, inside, endpoint, netns_fd));
        if (wants_names(attached.record)) BERTH_CHECK(open_names(attached.record, sockets));
        return set_routes(inside, sandbox);
    });
}

Result<> Service::publish(Attached& attached) {
    BERTH_CHECK(add_rules(rules_of(attached.record)));
    std::set<std::uint16_t> udp;
    for (const auto& port : attached.ports)
        if (port.protocol == "udp") udp.insert(port.port);
    conntrack_.forget_udp_flows(udp);
    return start_proxies(attached);
}

Result<> Service::add_rules(const RuleSet& rules) {
    if (firewalls_.v4) BERTH_CHECK(firewalls_.v4->add(rules.v4));
    if (!firewalls_.v6) return {};
    auto added = firewalls_.v6->add(rules.v6);
    if (!added && firewalls_.v4) (void)firewalls_.v4->remove(rules.v4).has_value();
    return added;
}

Result<> Service::remove_rules(const RuleSet& rules) {
    Result<> first;
    if (firewalls_.v4) note(first, firewalls_.v4->remove(rules.v4));
    if (firewalls_.v6) note(first, firewalls_.v6->remove(rules.v6));
    return first;
}

std::string Service::bridge_of(const std::string& network_id) const {
    const std::lock_guard lock(mutex_);
    const auto network = networks_.find(network_id);
    if (network == networks_.end() || !network->second.bridge) return {};
    return network->second.bridge->settings.name;
}

RuleSet Service::rules_of(const Record& record) const {
    RuleSet rules;
    for (const auto& endpoint : record.sandbox.endpoints) {
        if (record.published_on.empty() || endpoint.endpoint_id != record.published_on) continue;
        std::vector<PublishedPort> v4, v6;
        for (const auto& port : record.sandbox.ports)
            if (const auto host_ip = Ip::parse(port.host_ip))
                (host_ip->v6 ? v6 : v4)
                    .push_back({port.protocol, *host_ip, port.host_port, port.container_port});
        const auto bridge = bridge_of(endpoint.network_id);
        if (bridge.empty()) continue;
        if (const auto address = Ip::parse(endpoint.ip_address)) rules.v4 = port_rules(bridge, *address, v4);
        if (const auto address = Ip::parse(endpoint.ipv6_address))
            rules.v6 = port_rules(bridge, *address, v6);
    }
    return rules;
}

Result<> Service::detach(const std::string& container_id) {
    auto* attached = attached_to(container_id);
    if (!attached) return {};
    // After an error addresses and ports stay reserved: whatever still points at them must not reach another
    // container.
    std::shared_lock changing(rules_mutex_);
    BERTH_CHECK(tear_down(attached->record));
    give_back(*attached);
    const auto record = attached->record;
    {
        const std::lock_guard lock(mutex_);
        attached_.erase(container_id);
    }
    changing.unlock();
    stop_names(record);
    for (const auto& endpoint : record.sandbox.endpoints) report("disconnect", container_id, endpoint);
    return {};
}

Result<> Service::tear_down(const Record& record) {
    Result<> first;
    const auto& sandbox = record.sandbox;
    for (const auto& endpoint : sandbox.endpoints) silence(endpoint);
    stop_proxies(record);
    // Its sockets would keep the namespace alive.
    if (sandbox.resolver) netd_.remove(record.container);
    note(first, remove_rules(rules_of(record)));
    for (const auto& endpoint : sandbox.endpoints)
        if (const auto address = Ip::parse(endpoint.ip_address); address && !sandbox.ports.empty())
            conntrack_.forget_connections(*address);
    if (!sandbox.key.empty()) note(first, remove_netns(sandbox.key));
    if (first) note(first, records_.remove(record.container));
    return first;
}

void Service::give_back(const Attached& attached) {
    for (const auto& port : attached.ports) host_ports_.release(port);
    for (const auto& endpoint : attached.record.sandbox.endpoints) release_endpoint(endpoint);
}

}  // namespace berth::network
