// Networks of a running container come and go.
#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>

#include "engine/base/files.h"
#include "engine/base/log.h"
#include "engine/base/undo.h"
#include "network/routes.h"
#include "network/sandbox/link.h"
#include "network/sandbox/link_removal.h"
#include "network/sandbox/netns.h"
#include "network/service.h"

namespace berth::network {
namespace {

Result<> bring_routes(const Sandbox& sandbox) {
    return inside_netns(sandbox.key, [&]() -> Result<> {
        BERTH_TRY(auto inside, sys::NetlinkSocket::open());
        return set_routes(inside, sandbox);
    });
}

Result<> unplug_here(const std::string& name) {
    BERTH_TRY(auto socket, sys::NetlinkSocket::open());
    BERTH_TRY(const auto link, find_link(socket, name));
    if (!link) return {};
    return remove_link(link->index);
}

void unplug(const Sandbox& sandbox, const Endpoint& endpoint) {
    if (endpoint.interface.empty()) return;
    const auto veth = veth_of(endpoint);
    auto removed = veth.empty() ? inside_netns(sandbox.key, [&] { return unplug_here(endpoint.interface); })
                                : unplug_here(veth);
    if (!removed)
        log::error("cannot remove a link",
                   {{"endpoint", endpoint.endpoint_id}, {"error", removed.error().message}});
}

}  // namespace

Result<> Service::move_ports(Attached& attached, Record& next) {
    const auto* gateway = gateway_of(next.sandbox);
    const std::string where = gateway && !next.requested.empty() ? gateway->endpoint_id : "";
    if (where == attached.record.published_on) return {};
    BERTH_CHECK(remove_rules(published_by(attached.record)));
    stop_proxies(attached.record);
    for (const auto& endpoint : attached.record.sandbox.endpoints)
        if (const auto address = Ip::parse(endpoint.ip_address)) conntrack_.forget_connections(*address);
    for (const auto& port : attached.ports) host_ports_.release(port);
    attached.ports.clear();
    next.sandbox.ports.clear();
    next.published_on.clear();
    Attached moved;
    moved.record = next;
    auto reserved = reserve_ports(moved);
    if (reserved && !moved.record.published_on.empty()) {
        reserved = settle(*gateway, true);
        if (reserved) reserved = publish(moved);
    }
    if (!reserved) {
        for (const auto& port : moved.ports) host_ports_.release(port);
        return reserved;
    }
    next = std::move(moved.record);
    const std::lock_guard lock(mutex_);
    attached.ports = std::move(moved.ports);
    return {};
}

void Service::take_out_sublinks(const Record& record) {
    for (const auto& endpoint : record.sandbox.endpoints)
        if (!endpoint.interface.empty() && veth_of(endpoint).empty() && is_netns(record.sandbox.key))
            unplug(record.sandbox, endpoint);
}

Result<Sandbox> Service::connect(const std::string& container_id, const EndpointRequest& request) {
    auto* attached = attached_to(container_id);
    if (!attached)
        return fail(ErrorKind::kConflict, fmt::format("container {} is not running", container_id));
    Record next = attached->record;
    BERTH_TRY(auto endpoint, reserve_endpoint(container_id, next.name, request, next.sandbox.endpoints));
    UndoStack undo;
    undo.push([&] {
        release_endpoint(endpoint);
        (void)records_.write(attached->record).has_value();
    });
    next.sandbox.endpoints.push_back(endpoint);
    BERTH_CHECK(records_.write(next));
    undo.push([&] {
        unplug(next.sandbox, endpoint);
        (void)bring_routes(attached->record.sandbox).has_value();
    });
    BERTH_TRY(auto host, sys::NetlinkSocket::open());
    ResolverSockets sockets;
    BERTH_CHECK(inside_netns(next.sandbox.key, [&]() -> Result<> {
        BERTH_TRY(const auto netns, open_file("/proc/thread-self/ns/net", O_RDONLY));
        BERTH_TRY(auto inside, sys::NetlinkSocket::open());
        BERTH_CHECK(plug(host, inside, endpoint, netns.get()));
        if (wants_names(next) && !next.sandbox.resolver) BERTH_CHECK(open_names(next, sockets));
        return set_routes(inside, next.sandbox);
    }));
    BERTH_CHECK(settle(endpoint, false));
    std::shared_lock changing(rules_mutex_);
    BERTH_CHECK(move_ports(*attached, next));
    BERTH_CHECK(records_.write(next));
    undo.keep();
    {
        const std::lock_guard lock(mutex_);
        attached->record = next;
    }
    changing.unlock();
    if (auto named = start_names(next, std::move(sockets)); !named)
        log::error("a container has no names",
                   {{"container", container_id}, {"error", named.error().message}});
    report("connect", container_id, endpoint);
    return next.sandbox;
}

Result<Sandbox> Service::disconnect(const std::string& container_id, const std::string& network) {
    auto* attached = attached_to(container_id);
    BERTH_TRY(const auto about, inspect(network));
    const auto there = [&](const Endpoint& endpoint) { return endpoint.network_id == about.id; };
    Record next = attached ? attached->record : Record();
    auto& endpoints = next.sandbox.endpoints;
    const auto found = std::find_if(endpoints.begin(), endpoints.end(), there);
    if (!attached || found == endpoints.end())
        return fail(ErrorKind::kInternal,
                    fmt::format("container {} is not connected to network {}", container_id, about.name));
    const Endpoint gone = *found;
    endpoints.erase(found);
    silence(gone);
    std::shared_lock changing(rules_mutex_);
    BERTH_CHECK(move_ports(*attached, next));
    BERTH_CHECK(bring_routes(next.sandbox));
    unplug(next.sandbox, gone);
    BERTH_CHECK(records_.write(next));
    {
        const std::lock_guard lock(mutex_);
        attached->record = next;
    }
    changing.unlock();
    update_names(next, gone.network_id);
    release_endpoint(gone);
    report("disconnect", container_id, gone);
    return next.sandbox;
}

void Service::rename(const std::string& container_id, const std::string& old_name, const std::string& name) {
    auto* attached = attached_to(container_id);
    if (!attached) return;
    Record next = attached->record;
    next.name = name;
    for (auto& endpoint : next.sandbox.endpoints) {
        endpoint.container_name = name;
        std::replace(endpoint.names.begin(), endpoint.names.end(), old_name, name);
    }
    if (auto written = records_.write(next); !written)
        log::error("cannot record a container's new name", {{"error", written.error().message}});
    {
        const std::lock_guard lock(mutex_);
        attached->record = next;
    }
    update_names(next, "");
}

}  // namespace berth::network
