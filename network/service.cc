#include "network/service.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/base/digest.h"
#include "engine/base/files.h"
#include "engine/base/log.h"
#include "network/firewall/iptables.h"
#include "network/firewall/nftables.h"
#include "network/resolv_conf.h"

namespace berth::network {

bool Network::predefined() const {
    return name == "bridge" || name == "host" || name == "none";
}

std::vector<IpamConfig> Network::shown_ipam() const {
    auto shown = requested;
    for (const auto& pool : pools) {
        bool asked = false;
        for (const auto& config : requested) asked = asked || config.v6() == pool.v6();
        if (!asked) shown.push_back(pool);
    }
    return shown;
}

std::string Network::gateway(bool v6) const {
    for (const auto& pool : pools)
        if (pool.v6() == v6) return pool.gateway;
    return {};
}

Service::Service(NetworkConfig config, NetworkStore store, std::vector<Network> networks, Firewalls firewalls,
                 events::EventSink& events)
    : config_(std::move(config)),
      firewalls_(std::move(firewalls)),
      events_(events),
      store_(std::move(store)),
      records_(config_.state_dir + "/network"),
      netd_(config_.state_dir, config_.netd_path) {
    for (auto& network : networks) {
        if (config_.bridge == "none" && network.name == "bridge") continue;
        auto& slot = networks_[network.id];
        slot.about = std::move(network);
    }
}

std::optional<Sandbox> Service::find(const std::string& container_id) {
    const std::lock_guard lock(mutex_);
    const auto found = attached_.find(container_id);
    if (found == attached_.end()) return std::nullopt;
    return found->second.record.sandbox;
}

Service::Attached* Service::attached_to(const std::string& container_id) {
    const std::lock_guard lock(mutex_);
    const auto found = attached_.find(container_id);
    return found == attached_.end() ? nullptr : &found->second;
}

std::vector<Network> Service::list() {
    const std::lock_guard lock(mutex_);
    std::vector<Network> networks;
    for (const auto& [id, network] : networks_)
        if (!network.hidden) networks.push_back(network.about);
    std::sort(networks.begin(), networks.end(),
              [](const Network& a, const Network& b) { return a.created_at < b.created_at; });
    return networks;
}

Service::LiveNetwork* Service::network_of(const std::string& name_or_id) {
    LiveNetwork* match = nullptr;
    bool several = false;
    for (auto& [id, network] : networks_) {
        if (network.hidden) continue;
        if (id == name_or_id || network.about.name == name_or_id) return &network;
        if (name_or_id.empty() || !id.starts_with(name_or_id)) continue;
        several = match != nullptr;
        match = &network;
    }
    return several ? nullptr : match;
}

Service::LiveNetwork* Service::network_with(const std::string& id) {
    const auto found = networks_.find(id);
    return found == networks_.end() ? nullptr : &found->second;
}

Result<Network> Service::inspect(const std::string& name_or_id) {
    const std::lock_guard lock(mutex_);
    if (const auto* network = network_of(name_or_id)) return network->about;
    return fail(ErrorKind::kNotFound, fmt::format("network {} not found", name_or_id));
}

std::map<std::string, Endpoint> Service::members(const std::string& network_id) {
    const std::lock_guard lock(mutex_);
    std::map<std::string, Endpoint> members;
    for (const auto& [container, attached] : attached_)
        for (const auto& endpoint : attached.record.sandbox.endpoints)
            if (endpoint.network_id == network_id) members.emplace(container, endpoint);
    return members;
}

Result<std::string> Service::resolv_conf(Resolver resolver, const std::vector<std::string>& dns,
                                         const std::vector<std::string>& search,
                                         const std::vector<std::string>& options) {
    const auto choose = [](const auto& own, const auto& daemons) { return own.empty() ? daemons : own; };
    return render_resolv_conf(host_resolv_conf(), resolver,
                              {.servers = choose(dns, config_.dns),
                               .search = choose(search, config_.dns_search),
                               .options = choose(options, config_.dns_options)});
}

void Service::report(const char* action, const std::string& container, const Endpoint& endpoint) {
    events::Event event;
    event.type = "network";
    event.action = action;
    event.actor_id = endpoint.network_id;
    auto network = inspect(endpoint.network_id);
    event.attributes = {{"container", container},
                        {"name", endpoint.network_name},
                        {"type", network ? network->driver : "bridge"}};
    events_.publish(std::move(event));
}

void Service::report(const char* action, const Network& network) {
    events::Event event;
    event.type = "network";
    event.action = action;
    event.actor_id = network.id;
    event.attributes = {{"name", network.name}, {"type", network.driver}};
    events_.publish(std::move(event));
}

std::string nft_table(const NetworkConfig& config) {
    return "berth-" + std::string(sha256(config.state_dir).hex()).substr(0, 8);
}

namespace {

Result<Service::Firewalls> open_firewalls(const NetworkConfig& config) {
    Service::Firewalls firewalls;
    const bool v4 = config.iptables, v6 = config.ip6tables && exists("/proc/sys/net/ipv6");
    if (config.firewall_backend == "nftables") {
        BERTH_TRY(const auto context, NftContext::open());
        if (v4) firewalls.v4 = std::make_unique<Nftables>(context, nft_table(config), false);
        if (v6) firewalls.v6 = std::make_unique<Nftables>(context, nft_table(config), true);
        return firewalls;
    }
    if (v4) {
        BERTH_TRY(firewalls.v4, Iptables::open(false));
    }
    if (v6) {
        BERTH_TRY(firewalls.v6, Iptables::open(true));
    }
    return firewalls;
}

}  // namespace

Result<std::unique_ptr<NetworkService>> open_network_service(NetworkConfig config, state::Database& database,
                                                             events::EventSink& events) {
    BERTH_CHECK(check_config(config));
    BERTH_CHECK(make_folders(config.state_dir + "/netns", 0700));
    BERTH_CHECK(make_folders(config.state_dir + "/network", 0700));
    NetworkStore store(database, config.data_dir);
    BERTH_TRY(auto networks, store.load());
    BERTH_TRY(auto firewalls, open_firewalls(config));
    return std::unique_ptr<NetworkService>(std::make_unique<Service>(
        std::move(config), std::move(store), std::move(networks), std::move(firewalls), events));
}

}  // namespace berth::network
