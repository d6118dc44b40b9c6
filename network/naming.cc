// What containers find each other by.
#include <algorithm>
#include <set>

#include "engine/base/log.h"
#include "network/resolv_conf.h"
#include "network/sandbox/netns.h"
#include "network/service.h"

namespace berth::network {

bool Service::wants_names(const Record& record) const {
    const auto& endpoints = record.sandbox.endpoints;
    return !config_.netd_path.empty() &&
           std::any_of(endpoints.begin(), endpoints.end(),
                       [](const auto& endpoint) { return !endpoint.names.empty(); });
}

SandboxNames Service::names_of(const Record& record) const {
    SandboxNames names;
    for (const auto& endpoint : record.sandbox.endpoints) {
        if (!endpoint.names.empty()) names.networks.push_back(endpoint.network_id);
        names.links.insert(names.links.end(), endpoint.links.begin(), endpoint.links.end());
    }
    const auto host = host_resolv_conf();
    const auto external = external_servers(host, record.dns.empty() ? config_.dns : record.dns);
    names.servers = external.addresses;
    names.ask_undotted =
        !sets_ndots(host, record.dns_options.empty() ? config_.dns_options : record.dns_options);
    if (gateway_of(record.sandbox))
        names.ask = external.from_host ? SandboxNames::Ask::kHost : SandboxNames::Ask::kContainer;
    return names;
}

Result<> Service::open_names(Record& record, ResolverSockets& sockets) const {
    const bool own_servers = !record.dns.empty() || !config_.dns.empty();
    BERTH_TRY(sockets, in("open the container's resolver",
                          open_resolver(record.resolver_udp, record.resolver_tcp, own_servers)));
    record.resolver_udp = sockets.udp_port;
    record.resolver_tcp = sockets.tcp_port;
    record.sandbox.resolver = true;
    return {};
}

Result<> Service::write_network_names(const std::string& network_id) {
    const std::lock_guard order(names_mutex_);
    NetworkNames names;
    {
        const std::lock_guard lock(mutex_);
        const auto* network = network_with(network_id);
        if (!network || network->about.predefined()) return {};
        names.network = network->about.name;
        for (const auto& [container, attached] : attached_)
            for (const auto& endpoint : attached.record.sandbox.endpoints)
                if (endpoint.network_id == network_id && !endpoint.names.empty())
                    names.endpoints.push_back({endpoint.ip_address, endpoint.ipv6_address, endpoint.names});
    }
    if (names.endpoints.empty()) {
        netd_.erase(network_file(network_id));
        return {};
    }
    return netd_.write(network_file(network_id), render(names));
}

Result<> Service::start_names(const Record& record, ResolverSockets sockets) {
    if (!wants_names(record)) return {};
    for (const auto& endpoint : record.sandbox.endpoints)
        BERTH_CHECK(write_network_names(endpoint.network_id));
    BERTH_CHECK(netd_.write(sandbox_file(record.container), render(names_of(record))));
    if (!sockets.udp) return {};
    return netd_.add(record.container, std::move(sockets));
}

void Service::update_names(const Record& record, const std::string& left) {
    if (!record.sandbox.resolver) return;
    Result<> updated = left.empty() ? Result<>() : write_network_names(left);
    for (const auto& endpoint : record.sandbox.endpoints)
        if (updated) updated = write_network_names(endpoint.network_id);
    // Also without any network left: the resolver goes on and says that it knows nobody.
    if (updated) updated = netd_.write(sandbox_file(record.container), render(names_of(record)));
    if (!updated) log::error("names are not as they should be", {{"error", updated.error().message}});
}

void Service::stop_names(const Record& record) {
    if (!record.sandbox.resolver) return;
    netd_.remove(record.container);
    for (const auto& endpoint : record.sandbox.endpoints)
        if (auto written = write_network_names(endpoint.network_id); !written)
            log::error("names are not as they should be", {{"error", written.error().message}});
}

// Files as the records say; sandboxes that no netd serves get new sockets on their old ports.
void Service::recover_names() {
    if (config_.netd_path.empty()) return;
    std::vector<Record> records;
    {
        const std::lock_guard lock(mutex_);
        for (const auto& [container, attached] : attached_)
            if (attached.record.sandbox.resolver) records.push_back(attached.record);
    }
    std::set<std::string> files, wanted;
    for (auto& record : records) {
        wanted.insert(record.container);
        files.insert(sandbox_file(record.container));
        for (const auto& endpoint : record.sandbox.endpoints) files.insert(network_file(endpoint.network_id));
        ResolverSockets sockets;
        Result<> started;
        if (!netd_.serves(record.container))
            started = inside_netns(record.sandbox.key, [&] { return open_names(record, sockets); });
        if (started) started = start_names(record, std::move(sockets));
        if (!started)
            log::error("a container has lost its names",
                       {{"container", record.container}, {"error", started.error().message}});
    }
    for (const auto& what : netd_.served())
        if (!what.starts_with(kProxyKey) && !wanted.contains(what)) netd_.remove(what);
    netd_.keep_only(files);
}

void Service::replace_netd() {
    log::warning("berth-netd has ended, starting another one");
    const std::unique_lock alone(rules_mutex_);
    recover_names();
    std::vector<Attached*> all;
    {
        const std::lock_guard lock(mutex_);
        for (auto& [container, attached] : attached_) all.push_back(&attached);
    }
    for (auto* attached : all) restore_proxies(*attached);
}

}  // namespace berth::network
