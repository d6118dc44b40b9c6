// A container's sandbox from its start to its end.
#include <fmt/format.h>

#include <algorithm>
#include <future>
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

constexpr int kLoopback = 1;  // its index in every namespace

Result<> check_binding(const PortBinding& binding) {
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
    if (!attached.record.links.empty()) BERTH_CHECK(in("open links", add_rules(linked_by(attached.record))));
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
    return copy;
}

void Service::announce(const std::string& container_id) {
    const auto sandbox = find(container_id);
    if (!sandbox) return;
    for (const auto& endpoint : sandbox->endpoints) report("connect", container_id, endpoint);
}

Result<Service::Attached> Service::plan(const SandboxRequest& request) {
    Attached attached;
    auto& record = attached.record;
    auto& sandbox = record.sandbox;
    attached.netns = request.netns;
    record.container = request.container_id;
    record.name = request.container_name;
    record.dns = request.dns;
    record.dns_options = request.dns_options;
    record.requested = request.ports;
    record.links = request.links;
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
    // Only bridges have ports of the host before them; elsewhere Docker passes over them in silence.
    const auto settings = settings_of(gateway->network_id);
    if (!settings) return {};
    record.by_input = by_input(*settings);
    for (auto& [binding, second] : expand(record.requested, *settings, *gateway)) {
        BERTH_CHECK(check_binding(binding));
        const bool v6 = Ip::parse(binding.host_ip)->v6;
        const bool routed = settings->mode(v6) == GatewayMode::kRouted;
        const bool by_rule = firewall(v6) && !(v6 ? gateway->ipv6_address : gateway->ip_address).empty() &&
                             (routed || !record.by_input);
        if (!by_rule && !can_proxy(binding.protocol))
            return fail(ErrorKind::kUnavailable,
                        fmt::format("publishing {}/{} on {} needs the userland proxy, which is {}",
                                    binding.container_port, binding.protocol, binding.host_ip,
                                    can_proxy() ? "not able to" : "not there"));
        if (second && binding.host_port == 0 && !sandbox.ports.empty())
            binding.host_port = sandbox.ports.back().host_port;
        if (by_rule && routed) {
            binding.host_port = binding.host_port_end = 0;
            sandbox.ports.push_back(std::move(binding));
            attached.ports.emplace_back();
            continue;
        }
        const auto address = Ip::parse(by_rule && v6 ? gateway->ipv6_address : gateway->ip_address);
        BERTH_CHECK(
            in(trouble_with(record, *gateway), reserve_one(attached, binding, address.value_or(Ip{}))));
    }
    record.published_on = gateway->endpoint_id;
    return {};
}

bool Service::can_proxy(const std::string& protocol) const {
    return !config_.netd_path.empty() && config_.userland_proxy && (protocol != "sctp" || host_has_sctp());
}

std::vector<Service::HostBinding> Service::expand(const std::vector<PortBinding>& bindings,
                                                  const BridgeSettings& settings,
                                                  const Endpoint& gateway) const {
    const bool has4 = !gateway.ip_address.empty(), has6 = !gateway.ipv6_address.empty();
    auto sorted = bindings;
    std::stable_sort(sorted.begin(), sorted.end(), binds_earlier);
    std::vector<HostBinding> out;
    for (auto& binding : sorted) {
        const bool chosen = !binding.host_ip.empty();
        const bool any = !chosen && settings.host_binding == "0.0.0.0";
        const bool loopback = any && to_loopback(settings);
        const bool proxied = can_proxy(binding.protocol) && exists("/proc/net/if_inet6");
        const bool by_rule6 = has6 && (proxied || !by_input(settings));
        const bool on6 = by_rule6 || (has4 && proxied);
        if (!chosen) binding.host_ip = loopback ? "127.0.0.1" : settings.host_binding;
        if (!any || has4) out.push_back({binding});
        if (!any || !on6) continue;
        binding.host_ip = loopback ? "::1" : "::";
        // Out of a range the first half chooses.
        if (has4 && binding.host_port_end != 0) binding.host_port = binding.host_port_end = 0;
        out.push_back({binding, has4});
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
    return create_netns(
        sandbox.key,
        [&](int netns_fd) -> Result<> {
            BERTH_TRY(auto inside, sys::NetlinkSocket::open());
            BERTH_CHECK(set_link_up(inside, kLoopback));
            for (const auto& endpoint : sandbox.endpoints)
                BERTH_CHECK(plug(host, inside, endpoint, netns_fd));
            if (wants_names(attached.record)) BERTH_CHECK(open_names(attached.record, sockets));
            return set_routes(inside, sandbox);
        },
        attached.netns);
}

Result<> Service::publish(Attached& attached) {
    const auto published = published_by(attached.record);
    auto ruled = std::async(std::launch::async, [&] { return add_rules(published); });
    auto proxied = start_proxies(attached);
    BERTH_CHECK(ruled.get());
    BERTH_CHECK(std::move(proxied));
    std::set<std::uint16_t> udp;
    for (const auto& port : attached.ports)
        if (port.protocol == "udp") udp.insert(port.port);
    conntrack_.forget_udp_flows(udp);
    return {};
}

Result<> Service::add_rules(const Published& published) {
    auto added = on_walls(published, &Firewall::publish);
    // What is not there is no error.
    if (!added) (void)on_walls(published, &Firewall::withdraw).has_value();
    return added;
}

Result<> Service::remove_rules(const Published& published) {
    return on_walls(published, &Firewall::withdraw);
}

std::optional<BridgeSettings> Service::settings_of(const std::string& network_id) const {
    const std::lock_guard lock(mutex_);
    const auto network = networks_.find(network_id);
    if (network == networks_.end() || !network->second.bridge) return std::nullopt;
    return network->second.bridge->settings;
}

Published Service::published_by(const Record& record) const {
    Published published;
    for (const auto& endpoint : record.sandbox.endpoints) {
        if (record.published_on.empty() || endpoint.endpoint_id != record.published_on) continue;
        const auto settings = settings_of(endpoint.network_id);
        if (!settings) continue;
        for (const auto& text : {endpoint.ip_address, endpoint.ipv6_address}) {
            const auto address = Ip::parse(text);
            if (!address) continue;
            PublishedContainer one{.bridge = settings->name,
                                   .address = *address,
                                   .mode = settings->mode(address->v6),
                                   .direct = config_.allow_direct_routing,
                                   .trusted = settings->trusted,
                                   .ports = {}};
            for (const auto& port : record.sandbox.ports) {
                const bool by_rule = !record.by_input || port.host_port == 0;
                const auto host_ip = Ip::parse(port.host_ip);
                if (by_rule && host_ip && host_ip->v6 == address->v6)
                    one.ports.push_back({port.protocol, *host_ip, port.host_port, port.container_port});
            }
            if (!one.ports.empty()) published.push_back(std::move(one));
        }
    }
    return published;
}

Result<> Service::detach(const std::string& container_id) {
    auto* attached = attached_to(container_id);
    if (!attached) return {};
    // After an error addresses and ports stay reserved: whatever still points at them must not reach another
    // container.
    std::shared_lock changing(rules_mutex_);
    BERTH_CHECK(tear_down(attached->record));
    const auto record = attached->record;
    forget_links_to(record);
    give_back(*attached);
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
    auto ruled = std::async(std::launch::async, [&] { return remove_rules(rules_of(record)); });
    stop_proxies(record);
    // Its sockets would keep the namespace alive.
    if (sandbox.resolver) netd_.remove(record.container);
    note(first, ruled.get());
    for (const auto& endpoint : sandbox.endpoints)
        if (const auto address = Ip::parse(endpoint.ip_address); address && !sandbox.ports.empty())
            conntrack_.forget_connections(*address);
    take_out_sublinks(record);
    if (!sandbox.key.empty()) note(first, remove_netns(sandbox.key));
    if (first) note(first, records_.remove(record.container));
    return first;
}

void Service::give_back(const Attached& attached) {
    for (const auto& port : attached.ports) host_ports_.release(port);
    for (const auto& endpoint : attached.record.sandbox.endpoints) release_endpoint(endpoint);
}

}  // namespace berth::network
