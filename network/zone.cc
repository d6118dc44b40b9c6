// Bridges are known to firewalld, where it runs.
#include "engine/base/log.h"
#include "network/service.h"

namespace berth::network {

void Service::open_firewalld() {
    if (!firewalls_.v4 && !firewalls_.v6) return;
    firewalld_ = Firewalld::open([this](Firewalld& firewalld) {
        enlist_all(firewalld);
        repair();
    });
    if (firewalld_) enlist_all(*firewalld_);
}

void Service::enlist_all(Firewalld& firewalld) {
    std::vector<std::string> bridges;
    {
        const std::lock_guard lock(mutex_);
        for (const auto& [id, network] : networks_)
            if (network.bridge) bridges.push_back(network.bridge->settings.name);
    }
    for (const auto& bridge : bridges)
        if (auto put = firewalld.put(bridge); !put)
            log::error("firewalld may reject what a network sends", {{"error", put.error().message}});
}

Result<> Service::enlist(const Bridge& bridge) {
    if (!firewalld_) return {};
    return firewalld_->put(bridge.settings.name);
}

void Service::strike_off(const std::string& bridge) {
    if (!firewalld_) return;
    if (auto taken = firewalld_->take(bridge); !taken)
        log::warning("firewalld keeps what is left of a network", {{"error", taken.error().message}});
}

std::string Service::firewall() {
    return config_.firewall_backend + (firewalld_ && firewalld_->running() ? "+firewalld" : "");
}

}  // namespace berth::network
