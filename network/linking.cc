// Links of the default bridge, where its containers reach nothing of each other.
#include <algorithm>

#include "engine/base/log.h"
#include "network/service.h"

namespace berth::network {

Published Service::linked_by(const Record& record) const {
    Published linked;
    for (const auto& endpoint : record.sandbox.endpoints) {
        const auto settings = settings_of(endpoint.network_id);
        const auto address = Ip::parse(endpoint.ip_address);
        if (!settings || !settings->is_default || settings->icc || !address) continue;
        PublishedContainer one{
            .bridge = settings->name, .address = *address, .trusted = {}, .ports = {}, .links = {}};
        for (const auto& link : record.links)
            if (const auto target = Ip::parse(link.address); target && !target->v6)
                one.links.push_back({*target, link.protocol, link.port});
        if (!one.links.empty()) linked.push_back(std::move(one));
    }
    return linked;
}

Published Service::rules_of(const Record& record) const {
    auto all = published_by(record);
    for (auto& one : linked_by(record)) all.push_back(std::move(one));
    return all;
}

Result<> Service::relink(const std::string& container_id, std::vector<LinkedPort> links) {
    const std::shared_lock changing(rules_mutex_);
    return change_links(container_id, std::move(links));
}

Result<> Service::change_links(const std::string& container_id, std::vector<LinkedPort> links) {
    auto* attached = attached_to(container_id);
    if (!attached) return {};
    const Record before = attached->record;
    if (before.links == links) return {};
    Record next = before;
    next.links = std::move(links);
    BERTH_CHECK(records_.write(next));
    // What both have goes for a moment; what is connected stays so.
    BERTH_CHECK(remove_rules(linked_by(before)));
    BERTH_CHECK(add_rules(linked_by(next)));
    const std::lock_guard lock(mutex_);
    attached->record = std::move(next);
    return {};
}

void Service::forget_links_to(const Record& record) {
    std::vector<std::pair<std::string, std::vector<LinkedPort>>> changed;
    {
        const std::lock_guard lock(mutex_);
        for (const auto& [container, attached] : attached_) {
            auto links = attached.record.links;
            const auto gone = [&](const LinkedPort& link) {
                return std::any_of(
                    record.sandbox.endpoints.begin(), record.sandbox.endpoints.end(),
                    [&](const Endpoint& endpoint) { return endpoint.ip_address == link.address; });
            };
            if (std::erase_if(links, gone) > 0) changed.emplace_back(container, std::move(links));
        }
    }
    for (auto& [container, links] : changed)
        if (auto done = change_links(container, std::move(links)); !done)
            log::error("a link stays open", {{"container", container}, {"error", done.error().message}});
}

}  // namespace berth::network
