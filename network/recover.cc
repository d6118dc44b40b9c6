#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "engine/base/files.h"
#include "engine/base/log.h"
#include "network/firewall/iptables.h"
#include "network/firewall/nftables.h"
#include "network/sandbox/link.h"
#include "network/sandbox/link_removal.h"
#include "network/sandbox/netns.h"
#include "network/service.h"

namespace berth::network {
namespace {

// Bridges that bear this engine's mark and belong to no network: what a killed create or remove left.
Result<std::vector<Bridge>> orphaned_bridges(const NetworkConfig& config,
                                             const std::set<std::string>& known) {
    std::vector<Bridge> orphans;
    BERTH_TRY(auto socket, sys::NetlinkSocket::open());
    BERTH_TRY(const auto links, list_links(socket));
    for (const auto& link : links) {
        if (link.kind != "bridge" || link.alias != link_alias(config) || known.contains(link.name)) continue;
        Bridge bridge;
        bridge.settings.name = link.name;
        bridge.index = link.index;
        for (const bool v6 : {false, true}) {
            BERTH_TRY(const auto addresses, list_addresses(socket, link.index, v6));
            if (!addresses.empty()) (v6 ? bridge.v6 : bridge.v4) = addresses.front().subnet();
        }
        orphans.push_back(std::move(bridge));
    }
    return orphans;
}

// Parents that bear this engine's mark and that no network stands on.
void remove_orphaned_parents(const NetworkConfig& config, const std::set<std::string>& known) {
    auto socket = sys::NetlinkSocket::open();
    auto links = socket ? list_links(*socket) : Result<std::vector<Link>>();
    if (!links) return;
    for (const auto& link : *links)
        if ((link.kind == "dummy" || link.kind == "vlan") && link.alias == link_alias(config) &&
            !known.contains(link.name)) {
            log::info("removing what is left of a network", {{"link", link.name}});
            if (auto removed = remove_link(link.index); !removed)
                log::error("cannot remove a link", {{"error", removed.error().message}});
        }
}

void append(std::vector<BridgeRules>& to, const Bridge& bridge, bool v6) {
    for (auto& rules : bridge.rules())
        if (rules.subnet.base.v6 == v6) to.push_back(std::move(rules));
}

}  // namespace

Result<> Service::recover_networks() {
    std::set<std::string> parents;
    for (auto& [id, network] : networks_) {
        auto& about = network.about;
        if (about.config_only || !stands_on_parent(about)) continue;
        BERTH_CHECK(fill_addresses(network));
        auto raised = raise(network);
        if (network.parent) parents.insert(network.parent->link);
        if (!raised)
            log::error("a network cannot be set up",
                       {{"network", about.name}, {"error", raised.error().message}});
    }
    remove_orphaned_parents(config_, parents);
    return recover_bridges();
}

Result<> Service::recover_bridges() {
    for (auto& [id, network] : networks_) {
        auto& about = network.about;
        if (about.driver != "bridge" || about.config_only) continue;
        const bool is_default = about.name == "bridge";
        if (is_default) {
            BERTH_TRY(bridge_claim_, claim_default_bridge(config_, about));
        }
        BERTH_CHECK(fill_addresses(network));
        auto bridge = set_up_bridge(config_, about);
        if (bridge)
            network.bridge.emplace(std::move(*bridge));
        else if (is_default)
            return Failure(std::move(bridge.error()));
        else
            log::error("a network cannot be set up",
                       {{"network", about.name}, {"error", bridge.error().message}});
    }
    return {};
}

Result<> Service::reconcile(const Published& published, bool drop_forwarded) {
    Firewall::Wanted wanted[2];
    std::set<std::string> known{config_.bridge};
    for (const bool v6 : {false, true}) {
        wanted[v6].drop_forwarded = drop_forwarded;
        const std::lock_guard lock(mutex_);
        for (const auto& [id, network] : networks_) {
            if (!network.bridge) continue;
            known.insert(network.bridge->settings.name);
            append(wanted[v6].bridges, *network.bridge, v6);
        }
    }
    for (const auto& one : published) wanted[one.address.v6].published.push_back(one);
    BERTH_TRY(const auto orphans, orphaned_bridges(config_, known));
    for (const bool v6 : {false, true}) {
        for (const auto& orphan : orphans) append(wanted[v6].gone, orphan, v6);
        if (auto* wall = firewall(v6)) BERTH_CHECK(wall->reconcile(wanted[v6]));
    }
    for (const auto& orphan : orphans) {
        log::info("removing what is left of a network", {{"bridge", orphan.settings.name}});
        strike_off(orphan.settings.name);
        if (auto removed = take_down_bridge(config_, orphan); !removed)
            log::error("cannot remove a bridge",
                       {{"bridge", orphan.settings.name}, {"error", removed.error().message}});
    }
    return {};
}

void Service::repair() {
    const std::unique_lock alone(rules_mutex_);
    std::vector<Record> records;
    {
        const std::lock_guard lock(mutex_);
        for (const auto& [container, attached] : attached_) records.push_back(attached.record);
    }
    Published wanted;
    for (const auto& record : records)
        for (auto& one : rules_of(record)) wanted.push_back(std::move(one));
    if (auto repaired = reconcile(wanted, drops_forwarded_); !repaired)
        log::error("firewall rules that were taken cannot come back", {{"error", repaired.error().message}});
    yield_to_others();
}

void Service::watch_rules() {
    if (!firewalls_.v4 && !firewalls_.v6) return;
    const auto ours = [this](pid_t port) {
        return (firewalls_.v4 && firewalls_.v4->made_by_us(port)) ||
               (firewalls_.v6 && firewalls_.v6->made_by_us(port));
    };
    auto watch = RuleWatch::start(ours, [this] { repair(); });
    if (watch)
        watch_ = std::move(*watch);
    else
        log::warning("rules that others take are not noticed", {{"error", watch.error().message}});
    const auto* iptables =
        dynamic_cast<const Iptables*>(firewalls_.v4 ? firewalls_.v4.get() : firewalls_.v6.get());
    if (!iptables || !LegacyWatch::writes_legacy_tables(iptables->tool())) return;
    auto legacy = LegacyWatch::start([this] { repair(); });
    if (legacy)
        legacy_watch_ = std::move(*legacy);
    else
        log::warning("rules that others take are not noticed", {{"error", legacy.error().message}});
}

// Who has switched forwarding on drops what nobody allows. iptables' policy stays as it was set; a table that
// is made anew at every start needs to be told again, and so does iptables after it. The mark says whose it
// was last.
Result<bool> Service::note_forwarding() {
    const auto mark = config_.state_dir + "/drops-forwarded";
    const auto last = read_file(mark);
    const bool again = last && (config_.firewall_backend == "nftables" || *last == "nftables");
    drops_forwarded_ = config_.ip_forward && config_.drop_forwarded && (again || !forwards());
    const bool by_iptables = last && *last != "nftables";
    if (!drops_forwarded_ || (last && *last == config_.firewall_backend)) return by_iptables;
    BERTH_CHECK(replace_file(mark, config_.firewall_backend, 0600, Sync::kNone));
    return by_iptables;
}

void Service::retire_iptables(bool own_policy) {
    for (const bool v6 : {false, true}) {
        std::vector<BridgeRules> bridges;
        for (const auto& [id, network] : networks_)
            if (network.bridge) append(bridges, *network.bridge, v6);
        auto iptables = Iptables::open(v6);
        if (!iptables) continue;
        if (auto retired = (*iptables)->retire(bridges, own_policy); !retired)
            log::error("rules of iptables are left", {{"error", retired.error().message}});
    }
}

Result<> Service::recover(const std::vector<std::string>& live) {
    const std::set<std::string> alive(live.begin(), live.end());
    BERTH_CHECK(recover_networks());
    if (!config_.netd_path.empty()) BERTH_CHECK(netd_.open([this] { replace_netd(); }));
    BERTH_TRY(auto records, records_.read_all());
    std::set<std::string> handles;
    Published wanted;
    std::vector<Record> dead;
    for (auto& record : records) {
        if (!record.sandbox.key.empty()) handles.insert(record.sandbox.key);
        if (alive.count(record.container) == 0) {
            dead.push_back(std::move(record));
            continue;
        }
        for (auto& one : rules_of(record)) wanted.push_back(std::move(one));
        const auto container = record.container;
        auto attached = adopt(std::move(record));
        const std::lock_guard lock(mutex_);
        attached_.insert_or_assign(container, std::move(attached));
    }
    // Whoever hears of something to repair from here on waits until all of it is there.
    const std::unique_lock alone(rules_mutex_);
    open_firewalld();
    BERTH_TRY(const bool own_policy, note_forwarding());
    BERTH_CHECK(reconcile(wanted, drops_forwarded_));
    // A policy that an earlier run has set and nobody has changed is to come back after a flush, too.
    if (own_policy && config_.firewall_backend == "iptables" && firewalls_.v4)
        drops_forwarded_ = drops_forwarded_ || firewalls_.v4->drops_forwarded();
    // After the new rules: nothing is open in between.
    if (config_.firewall_backend == "nftables")
        retire_iptables(own_policy);
    else
        remove_nft_tables(nft_table(config_));
    for (const auto& [id, network] : networks_)
        if (network.bridge) BERTH_CHECK(open_bridge(config_, *network.bridge));
    for (const auto& record : dead)
        if (auto result = tear_down(record); !result)
            log::error("cannot remove the network sandbox of a dead container",
                       {{"container", record.container}, {"error", result.error().message}});

    recover_names();
    open_guard();
    watch_rules();

    // Handles without a record: from before the record was written, or after it was lost.
    BERTH_TRY(auto files, list_folder(handle_folder()));
    for (const auto& file : files)
        if (const auto handle = handle_folder() + "/" + file; handles.count(handle) == 0)
            if (auto removed = remove_netns(handle); !removed)
                log::error("cannot remove network namespace",
                           {{"handle", handle}, {"error", removed.error().message}});
    return {};
}

Service::Attached Service::adopt(Record record) {
    if (!record.sandbox.key.empty() && !is_netns(record.sandbox.key))
        log::warning("a live container's network namespace has lost its handle",
                     {{"container", record.container}});
    Attached attached;
    const Endpoint* published = nullptr;
    for (const auto& endpoint : record.sandbox.endpoints) {
        if (endpoint.endpoint_id == record.published_on) published = &endpoint;
        const std::lock_guard lock(mutex_);
        auto* network = network_with(endpoint.network_id);
        if (!network) continue;
        ++network->users;
        for (const auto& text : {endpoint.ip_address, endpoint.ipv6_address}) {
            const auto address = Ip::parse(text);
            if (!address) continue;
            auto* set = network->set_of(*address);
            if (!set || !set->take(*address))
                log::warning("a live container's address is not one of its network any more",
                             {{"container", record.container}, {"address", text}});
        }
    }
    const auto container_ip = Ip::parse(published ? published->ip_address : "").value_or(Ip{});
    for (const auto& port : record.sandbox.ports) {
        if (port.host_port == 0) {
            attached.ports.emplace_back();
            continue;
        }
        attached.ports.push_back(host_ports_.adopt({.host_ip = Ip::parse(port.host_ip).value_or(Ip{}),
                                                    .protocol = port.protocol,
                                                    .first = port.host_port,
                                                    .last = port.host_port,
                                                    .container_ip = container_ip,
                                                    .container_port = port.container_port},
                                                   !is_proxied(record, port)));
    }
    attached.record = std::move(record);
    if (auto proxied = start_proxies(attached); !proxied)
        log::error("a published port has lost its proxy",
                   {{"container", attached.record.container}, {"error", proxied.error().message}});
    return attached;
}

}  // namespace berth::network
