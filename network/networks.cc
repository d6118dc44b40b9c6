// Networks come and go.
#include <fmt/format.h>

#include <algorithm>
#include <future>

#include "engine/base/ids.h"
#include "engine/base/log.h"
#include "engine/base/undo.h"
#include "network/endpoint_options.h"
#include "network/sandbox/link.h"
#include "network/service.h"

namespace berth::network {
namespace {

Failure forbidden(std::string message) {
    return fail(ErrorKind::kForbidden, std::move(message));
}

// What a network's driver and scope can be on a node outside a swarm.
Result<> check_driver(const Network& wanted) {
    if (wanted.driver == "overlay")
        return forbidden(
            "This node is not a swarm manager. Use \"docker swarm init\" or \"docker swarm join\" to connect "
            "this node to swarm and try again.");
    if (wanted.scope == "swarm")
        return forbidden("cannot create a swarm scoped network when swarm is not active");
    if (wanted.ingress) return forbidden("Ingress network can only be global scope network");
    if (wanted.driver == "host" || (wanted.driver == "null" && !wanted.config_only))
        return forbidden(fmt::format("only one instance of \"{}\" network is allowed", wanted.driver));
    if (wanted.driver != "bridge" && !stands_on_parent(wanted) && !wanted.config_only)
        return fail(ErrorKind::kNotFound, fmt::format("plugin \"{}\" not found", wanted.driver));
    if (wanted.ipam_driver != "default")
        return fail(ErrorKind::kNotFound, fmt::format("plugin \"{}\" not found", wanted.ipam_driver));
    return {};
}

}  // namespace

Result<> Service::take_config(Network& wanted) {
    if (wanted.config_only)
        return forbidden("a configuration network cannot depend on another configuration network");
    if (!wanted.options.empty())
        return forbidden(
            "network driver options are not supported if the network depends on a configuration network");
    if (!wanted.requested.empty())
        return forbidden(
            "user specified configurations are not supported if the network depends on a "
            "configuration network");
    const auto* from = network_of(wanted.config_from);
    if (!from || !from->about.config_only)
        return fail(ErrorKind::kNotFound,
                    fmt::format("configuration network {:?} does not exist", wanted.config_from));
    wanted.config_from = from->about.name;
    wanted.requested = from->about.requested;
    wanted.options = from->about.options;
    wanted.ipv6 = from->about.ipv6;
    wanted.internal = from->about.internal;
    return {};
}

Result<> Service::check_new(Network& wanted) {
    if (wanted.name.find_first_not_of(" \t\r\n") == std::string::npos)
        return fail(ErrorKind::kInvalidArgument, "invalid name: name is empty");
    if (wanted.predefined() || wanted.name == "default")
        return forbidden(fmt::format("operation is not permitted on predefined {} network ", wanted.name));
    BERTH_CHECK(check_ipam(wanted.requested, wanted.ipv6));
    if (!wanted.ipv4 && !wanted.ipv6)
        return fail(ErrorKind::kInvalidArgument, "IPv4 or IPv6 must be enabled");
    {
        const std::lock_guard lock(mutex_);
        for (const auto& [id, network] : networks_)
            if (network.about.name == wanted.name)
                return fail(ErrorKind::kConflict,
                            fmt::format("network with name {} already exists", wanted.name));
        if (!wanted.config_from.empty()) BERTH_CHECK(take_config(wanted));
    }
    if (wanted.config_only) wanted.driver = "null";
    if (wanted.driver.empty()) wanted.driver = "bridge";
    BERTH_CHECK(check_driver(wanted));
    if (const auto defaults = config_.default_options.find(wanted.driver);
        defaults != config_.default_options.end() && !wanted.config_only)
        wanted.options.insert(defaults->second.begin(), defaults->second.end());
    return {};
}

Result<> Service::claim_bridge_name(const Network& network) const {
    BERTH_TRY(const auto settings, read_bridge_settings(network));
    for (const auto& [id, other] : networks_) {
        if (other.about.driver != "bridge" || other.about.config_only) continue;
        const auto theirs = read_bridge_settings(other.about);
        if (!theirs || theirs->name != settings.name) continue;
        return forbidden(fmt::format(
            "cannot create network {} ({}): conflicts with network {} ({}): networks have same bridge name",
            network.id, settings.name, id, theirs->name));
    }
    return {};
}

Result<> Service::claim_parent(const Network& network) const {
    BERTH_TRY(const auto wanted, read_parent_settings(network));
    for (const auto& [id, other] : networks_) {
        if (!stands_on_parent(other.about) || other.about.config_only) continue;
        if (const auto theirs = read_parent_settings(other.about))
            BERTH_CHECK(check_shared_parent(wanted, *theirs));
    }
    return {};
}

Result<Service::LiveNetwork*> Service::claim_network(Network wanted) {
    BERTH_TRY(const auto host, subnets_of_host());
    const std::lock_guard lock(mutex_);
    for (const auto& [id, network] : networks_)
        if (network.about.name == wanted.name)
            return fail(ErrorKind::kConflict,
                        fmt::format("network with name {} already exists", wanted.name));
    if (!wanted.config_only) {
        BERTH_CHECK(stands_on_parent(wanted) ? claim_parent(wanted) : claim_bridge_name(wanted));
        BERTH_CHECK(choose_pools(wanted, host));
    }
    LiveNetwork network;
    network.about = std::move(wanted);
    network.hidden = true;
    BERTH_CHECK(fill_addresses(network));
    const auto id = network.about.id;
    return &networks_.emplace(id, std::move(network)).first->second;
}

void Service::forget(const std::string& id) {
    const std::lock_guard lock(mutex_);
    networks_.erase(id);
}

Result<Network> Service::create(Network wanted) {
    BERTH_CHECK(check_new(wanted));
    wanted.id = new_id();
    wanted.created_at = now();
    BERTH_TRY(auto* network, claim_network(std::move(wanted)));
    const auto about = network->about;
    UndoStack undo;
    undo.push([&] { forget(about.id); });
    bool remembered = false;
    undo.push([&] {
        if (remembered) (void)store_.remove(about.id).has_value();
    });
    const std::shared_lock changing(rules_mutex_);
    if (!about.config_only) {
        undo.push([&] {
            if (auto lowered = lower(*network); !lowered)
                log::error("cannot take back a network",
                           {{"network", about.name}, {"error", lowered.error().message}});
        });
        BERTH_CHECK(raise(*network));
    }
    // One waits for the disk, the other for a tool.
    remembered = true;
    auto stored = std::async(std::launch::async, [&] { return store_.add(about); });
    auto protecting = protect(*network);
    BERTH_CHECK(stored.get());
    BERTH_CHECK(std::move(protecting));
    undo.keep();
    {
        const std::lock_guard lock(mutex_);
        network->hidden = false;
    }
    report("create", about);
    return about;
}

Result<> Service::raise(LiveNetwork& network) {
    if (stands_on_parent(network.about)) {
        BERTH_TRY(auto parent, read_parent_settings(network.about));
        BERTH_CHECK(set_up_parent(config_, parent));
        const std::lock_guard lock(mutex_);
        network.parent.emplace(std::move(parent));
        return {};
    }
    BERTH_TRY(auto bridge, set_up_bridge(config_, network.about));
    const std::lock_guard lock(mutex_);
    network.bridge.emplace(std::move(bridge));
    return {};
}

// First what protects, then what opens.
Result<> Service::protect(LiveNetwork& network) {
    if (!network.bridge) return {};
    shield(*network.bridge);
    auto enlisted = std::async(std::launch::async, [&] { return enlist(*network.bridge); });
    BERTH_CHECK(on_walls(network.bridge->rules(), &Firewall::guard));
    BERTH_CHECK(enlisted.get());
    return open_bridge(config_, *network.bridge);
}

bool Service::parent_is_shared(const LiveNetwork& network) const {
    const std::lock_guard lock(mutex_);
    return std::any_of(networks_.begin(), networks_.end(), [&](const auto& other) {
        return other.first != network.about.id && other.second.parent &&
               other.second.parent->link == network.parent->link;
    });
}

Result<> Service::lower(LiveNetwork& network) {
    if (network.parent) {
        if (parent_is_shared(network)) return {};
        return take_down_parent(config_, *network.parent);
    }
    if (!network.bridge) return {};
    unshield(*network.bridge);
    // Both wait for the kernel.
    auto down = std::async(std::launch::async, [&] {
        strike_off(network.bridge->settings.name);
        return take_down_bridge(config_, *network.bridge);
    });
    auto removed = on_walls(network.bridge->rules(), &Firewall::unguard);
    BERTH_CHECK(down.get());
    return removed;
}

std::string Service::endpoints_of(const std::string& network_id) const {
    std::string text;
    for (const auto& [container, attached] : attached_)
        for (const auto& endpoint : attached.record.sandbox.endpoints)
            if (endpoint.network_id == network_id)
                text += fmt::format("{}name:{:?} id:{:?}", text.empty() ? "" : ", ", endpoint.container_name,
                                    short_id(endpoint.endpoint_id));
    return text;
}

Result<> Service::remove(const std::string& name_or_id) {
    constexpr const char* kTrouble = "error while removing network";
    LiveNetwork* network = nullptr;
    {
        const std::lock_guard lock(mutex_);
        network = network_of(name_or_id);
        if (!network) return fail(ErrorKind::kNotFound, fmt::format("network {} not found", name_or_id));
        const auto& about = network->about;
        if (about.predefined())
            return forbidden(about.name + " is a pre-defined network and cannot be removed");
        if (network->users > 0)
            return forbidden(fmt::format("{}: network {} has active endpoints ({})", kTrouble, about.name,
                                         endpoints_of(about.id)));
        for (const auto& [id, other] : networks_)
            if (about.config_only && other.about.config_from == about.name)
                return forbidden(
                    fmt::format("{}: configuration network {:?} is in use", kTrouble, about.name));
        network->hidden = true;
    }
    const auto about = network->about;
    const std::shared_lock changing(rules_mutex_);
    // The row goes last: by it a later daemon finds rules whose bridge has gone.
    auto removed = lower(*network);
    if (removed) removed = store_.remove(about.id);
    if (!removed) {
        const std::lock_guard lock(mutex_);
        network->hidden = false;
        return in(kTrouble, std::move(removed));
    }
    forget(about.id);
    report("destroy", about);
    return {};
}

std::vector<std::string> Service::prune(const std::function<bool(const Network&)>& wanted) {
    std::vector<std::string> names;
    for (const auto& network : list()) {
        if (network.predefined() || !wanted(network)) continue;
        auto removed = remove(network.id);
        if (removed)
            names.push_back(network.name);
        else if (removed.error().kind != ErrorKind::kForbidden &&
                 removed.error().kind != ErrorKind::kNotFound)
            log::warning("cannot prune network",
                         {{"network", network.name}, {"error", removed.error().message}});
    }
    events::Event event;
    event.type = "network";
    event.action = "prune";
    event.attributes = {{"reclaimed", "0"}};
    events_.publish(std::move(event));
    return names;
}

Result<> Service::check(const Network& network, const EndpointRequest& request) {
    std::vector<std::string> errors;
    const bool asks = !request.ipv4_address.empty() || !request.ipv6_address.empty();
    if (network.predefined()) {
        if (asks) errors.push_back("user specified IP address is supported on user defined networks only");
        if (!request.aliases.empty())
            errors.push_back(
                "network-scoped alias is supported only for containers in user defined networks");
    }
    for (const bool v6 : {false, true}) {
        const auto& text = v6 ? request.ipv6_address : request.ipv4_address;
        if (text.empty()) continue;
        const auto address = Ip::parse(text);
        if (!address || address->v6 != v6)
            errors.push_back(fmt::format("invalid IPv{} address: {}", v6 ? 6 : 4, text));
        bool configured = false, inside = false;
        for (const auto& config : network.requested) {
            if (config.v6() != v6) continue;
            configured = true;
            const auto subnet = Subnet::parse(config.subnet);
            inside = inside || (address && subnet && subnet->contains(*address));
        }
        if (!configured)
            errors.push_back(
                "user specified IP address is supported only when connecting to networks with user "
                "configured "
                "subnets");
        else if (!inside)
            errors.push_back(fmt::format("no configured subnet or ip-range contain the IP address {}", text));
    }
    for (const auto& text : request.link_local_addresses)
        if (!Ip::parse(text)) errors.push_back("invalid link-local IP address: " + text);
    for (auto& error : check_endpoint_options(request.driver_options)) errors.push_back(std::move(error));
    if (!errors.empty())
        return fail(ErrorKind::kInvalidArgument, "invalid endpoint settings:\n" + join_errors(errors));
    if (!request.mac_address.empty() && !MacAddress::parse(request.mac_address))
        return fail(ErrorKind::kInvalidArgument, "invalid MAC address " + request.mac_address);
    return {};
}

}  // namespace berth::network
