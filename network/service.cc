#include "network/service.h"

#include <fmt/format.h>

#include "engine/base/files.h"
#include "engine/base/ids.h"
#include "engine/base/log.h"
#include "network/network_store.h"
#include "network/resolv_conf.h"

namespace berth::network {

Service::Service(NetworkConfig config, std::vector<Network> networks, std::unique_ptr<Firewall> firewall,
                 events::EventSink& events)
    : config_(std::move(config)),
      firewall_(std::move(firewall)),
      events_(events),
      records_(config_.state_dir + "/network"),
      networks_(std::move(networks)) {
    if (config_.bridge == "none")
        std::erase_if(networks_, [](const Network& network) { return network.name == "bridge"; });
}

std::optional<Sandbox> Service::find(const std::string& container_id) {
    const std::lock_guard lock(mutex_);
    const auto found = attached_.find(container_id);
    if (found == attached_.end()) return std::nullopt;
    return found->second.record.sandbox;
}

std::vector<Network> Service::list() {
    const std::lock_guard lock(mutex_);
    return networks_;
}

const Network* Service::network_of(const std::string& name_or_id) const {
    const Network* match = nullptr;
    for (const auto& network : networks_)
        if (network.name == name_or_id || network.id == name_or_id) return &network;
    for (const auto& network : networks_) {
        if (name_or_id.empty() || !network.id.starts_with(name_or_id)) continue;
        if (match) return nullptr;  // a prefix of two
        match = &network;
    }
    return match;
}

Result<Network> Service::inspect(const std::string& name_or_id) {
    const std::lock_guard lock(mutex_);
    if (const auto* network = network_of(name_or_id)) return *network;
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

Result<std::string> Service::resolv_conf(const std::string& mode, const std::vector<std::string>& dns,
                                         const std::vector<std::string>& search,
                                         const std::vector<std::string>& options) {
    const auto choose = [](const auto& own, const auto& daemons) { return own.empty() ? daemons : own; };
    return render_resolv_conf(host_resolv_conf(), mode == "host",
                              {.servers = choose(dns, config_.dns),
                               .search = choose(search, config_.dns_search),
                               .options = choose(options, config_.dns_options)});
}

void Service::report(const char* action, const Attached& attached) {
    const auto& endpoint = attached.record.sandbox.endpoints.front();
    events::Event event;
    event.type = "network";
    event.action = action;
    event.actor_id = endpoint.network_id;
    event.attributes = {{"container", attached.record.container},
                        {"name", endpoint.network_name},
                        {"type", endpoint.network_name == "none" ? "null" : "bridge"}};
    events_.publish(std::move(event));
}

Result<std::unique_ptr<NetworkService>> open_network_service(NetworkConfig config, state::Database& database,
                                                             events::EventSink& events) {
    BERTH_CHECK(check_config(config));
    BERTH_CHECK(make_folders(config.state_dir + "/netns", 0700));
    BERTH_CHECK(make_folders(config.state_dir + "/network", 0700));
    BERTH_TRY(auto networks, load_networks(database));
    std::unique_ptr<Firewall> firewall;
    if (config.iptables && config.bridge != "none") {
        BERTH_TRY(firewall, Firewall::open());
    }
    return std::unique_ptr<NetworkService>(
        std::make_unique<Service>(std::move(config), std::move(networks), std::move(firewall), events));
}

}  // namespace berth::network
