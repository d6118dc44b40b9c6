#include <fmt/format.h>

#include <set>

#include "engine/base/files.h"
#include "engine/base/log.h"
#include "network/sandbox/netns.h"
#include "network/service.h"

namespace berth::network {

Result<> Service::recover(const std::vector<std::string>& live) {
    const std::set<std::string> alive(live.begin(), live.end());
    if (config_.bridge != "none") {
        BERTH_TRY(auto bridge, set_up_bridge(config_));
        const std::lock_guard lock(mutex_);
        addresses_.emplace(bridge.address.subnet());
        addresses_->take(bridge.address.address);
        bridge_.emplace(std::move(bridge));
        describe_bridge();
    }

    BERTH_TRY(auto records, records_.read_all());
    std::set<std::string> handles;
    std::vector<Rule> wanted;
    std::vector<Record> dead;
    for (auto& record : records) {
        handles.insert(record.sandbox.key);
        if (alive.count(record.container) == 0) {
            dead.push_back(std::move(record));
            continue;
        }
        for (auto& rule : rules_of(record)) wanted.push_back(std::move(rule));
        const auto container = record.container;
        auto attached = adopt(std::move(record));
        const std::lock_guard lock(mutex_);
        attached_.insert_or_assign(container, std::move(attached));
    }
    if (bridge_) {
        const auto rules = bridge_->rules(config_);
        if (firewall_) BERTH_CHECK(firewall_->reconcile(rules, wanted, config_.ip_forward && !forwards()));
        BERTH_CHECK(open_bridge(config_, *bridge_));
    }
    for (const auto& record : dead)
        if (auto result = tear_down(record); !result)
            log::error("cannot remove the network sandbox of a dead container",
                       {{"container", record.container}, {"error", result.error().message}});

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
    auto& endpoint = record.sandbox.endpoints.front();
    if (!is_netns(record.sandbox.key))
        log::warning("a live container's network namespace has lost its handle",
                     {{"container", record.container}});
    Attached attached;
    const auto address = Ipv4::parse(endpoint.ip_address);
    {
        const std::lock_guard lock(mutex_);
        if (const auto* network = network_of(endpoint.network_name)) endpoint.network_id = network->id;
        if (address && addresses_ && !addresses_->take(*address))
            log::warning("a live container's address is not one of the bridge any more",
                         {{"container", record.container}, {"address", endpoint.ip_address}});
    }
    for (const auto& port : record.sandbox.ports)
        attached.ports.push_back(host_ports_.adopt({.host_ip = Ipv4::parse(port.host_ip).value_or(Ipv4{}),
                                                    .protocol = port.protocol,
                                                    .first = port.host_port,
                                                    .last = port.host_port,
                                                    .container_ip = address.value_or(Ipv4{}),
                                                    .container_port = port.container_port}));
    attached.record = std::move(record);
    return attached;
}

void Service::describe_bridge() {
    for (auto& network : networks_) {
        if (network.name != "bridge") continue;
        const auto flag = [](bool on) { return std::string(on ? "true" : "false"); };
        network.subnet = bridge_->address.subnet().text();
        network.gateway = bridge_->address.address.text();
        network.options = {{"com.docker.network.bridge.default_bridge", "true"},
                           {"com.docker.network.bridge.enable_icc", flag(config_.icc)},
                           {"com.docker.network.bridge.enable_ip_masquerade", flag(config_.ip_masq)},
                           {"com.docker.network.bridge.host_binding_ipv4", config_.default_host_ip},
                           {"com.docker.network.bridge.name", config_.bridge},
                           {"com.docker.network.driver.mtu", fmt::to_string(config_.mtu)}};
    }
}

}  // namespace berth::network
