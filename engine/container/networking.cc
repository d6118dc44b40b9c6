#include "engine/container/networking.h"

#include <algorithm>

#include "engine/base/ids.h"
#include "engine/container/etc_files.h"
#include "engine/container/ports.h"

namespace berth::container {

namespace {

Failure bad(std::string message) {
    return fail(ErrorKind::kInvalidArgument, std::move(message));
}

network::EndpointRequest endpoint_request(const Container& container, const std::string& network,
                                          const types::EndpointRequest& wanted) {
    network::EndpointRequest request;
    request.network = network;
    request.names = names_in_network(container, wanted);
    request.aliases = wanted.aliases;
    for (const auto& link : wanted.links) {
        const auto colon = link.find(':');
        const auto name = link.substr(0, colon);
        request.links[colon == link.npos ? name : link.substr(colon + 1)] = name;
    }
    request.mac_address = wanted.mac_address;
    request.gateway_priority = wanted.gw_priority;
    request.driver_options = wanted.driver_opts;
    if (wanted.ipam) {
        request.ipv4_address = wanted.ipam->ipv4_address;
        request.ipv6_address = wanted.ipam->ipv6_address;
        request.link_local_addresses = wanted.ipam->link_local_ips;
    }
    return request;
}

// What connects to what.
Result<> check_connect(const Container& container, const network::Network& network) {
    if (container.config.network_disabled && container.state.live())
        return fail(ErrorKind::kNotFound, "network sandbox for container " + container.id + " not found");
    if (container.network == "host" || container.network.starts_with("container:")) {
        return bad(
            "container sharing network namespace with another container or host cannot be connected to any "
            "other network");
    }
    if (network.name == "host") {
        return bad(
            "cannot connect container to host network - container must be created in host network mode");
    }
    if (network.name == "none" || container.endpoints.contains("none")) {
        return bad(
            "container cannot be connected to multiple networks with one of the networks in private "
            "(none) mode");
    }
    return {};
}

class Networks final : public ContainerNetworks {
 public:
    explicit Networks(Core& core) : core_(core) {}
    Async<Result<>> connect(std::string network, std::string ref, types::EndpointRequest endpoint) override;
    Async<Result<>> disconnect(std::string network, std::string ref, bool force) override;

 private:
    Core& core_;
};

Async<Result<>> Networks::connect(std::string network, std::string ref, types::EndpointRequest endpoint) {
    if (ref.empty()) co_return bad("invalid name or ID supplied: \"\"");
    BERTH_CO_TRY(auto found, core_.store.find(ref));
    BERTH_CO_TRY(auto about, core_.parts.networks.inspect(network));
    BERTH_CO_TRY(auto guard, co_await core_.locks.lock(found->id));
    auto container = core_.store.get(found->id);
    if (!container) co_return fail(ErrorKind::kNotFound, "No such container: " + ref);
    BERTH_CO_CHECK(check_connect(*container, about));
    auto request = endpoint_request(*container, about.name, endpoint);
    BERTH_CO_CHECK(core_.parts.networks.check(about, request));
    Container changed = *container;
    changed.endpoints[about.name] = std::move(endpoint);
    if (container->state.live()) {
        auto work = [this, &changed, &request]() -> Result<> {
            auto before = core_.parts.networks.find(changed.id);
            BERTH_TRY(auto after, core_.parts.networks.connect(changed.id, request));
            return update_etc_files(core_, changed, before.value_or(network::Sandbox()), after);
        };
        BERTH_CO_CHECK(co_await core_.parts.pool.run(std::move(work)));
    }
    co_return co_await core_.store.update(std::move(changed));
}

Async<Result<>> Networks::disconnect(std::string network, std::string ref, bool force) {
    auto found = core_.store.find(ref);
    if (!found && !force) co_return Failure(std::move(found.error()));
    BERTH_CO_TRY(auto about, core_.parts.networks.inspect(network));
    if (!found) co_return fail(ErrorKind::kNotFound, "endpoint " + ref + " not found");
    BERTH_CO_TRY(auto guard, co_await core_.locks.lock((*found)->id));
    auto container = core_.store.get((*found)->id);
    if (!container) co_return fail(ErrorKind::kNotFound, "No such container: " + ref);
    if (about.name == "host" && container->network == "host") {
        co_return bad(
            "cannot disconnect container from host network - container was created in host network mode");
    }
    Container changed = *container;
    if (changed.endpoints.erase(about.name) == 0) {
        co_return fail(ErrorKind::kInternal,
                       "container " + container->id + " is not connected to network " + about.name);
    }
    if (container->state.live()) {
        auto work = [this, &changed, &about]() -> Result<> {
            auto before = core_.parts.networks.find(changed.id);
            BERTH_TRY(auto after, core_.parts.networks.disconnect(changed.id, about.id));
            return update_etc_files(core_, changed, before.value_or(network::Sandbox()), after);
        };
        BERTH_CO_CHECK(co_await core_.parts.pool.run(std::move(work)));
    }
    co_return co_await core_.store.update(std::move(changed));
}

}  // namespace

bool is_user_network(const std::string& name) {
    return name != "bridge" && name != "host" && name != "none" && !name.starts_with("container:");
}

std::vector<std::string> names_in_network(const Container& container, const types::EndpointRequest& request) {
    std::vector<std::string> names;
    auto add = [&](std::string name) {
        if (!name.empty() && std::find(names.begin(), names.end(), name) == names.end())
            names.push_back(std::move(name));
    };
    add(container.name);
    for (const auto& alias : request.aliases) add(alias);
    add(std::string(short_id(container.id)));
    add(container.config.hostname);
    return names;
}

network::SandboxRequest sandbox_request(const Container& container) {
    network::SandboxRequest request;
    request.container_id = container.id;
    request.container_name = container.name;
    for (const auto& [network, wanted] : container.endpoints)
        request.endpoints.push_back(endpoint_request(container, network, wanted));
    // The first network has eth0.
    auto own = [&](const network::EndpointRequest& endpoint) {
        return endpoint.network == container.network;
    };
    std::stable_partition(request.endpoints.begin(), request.endpoints.end(), own);
    request.ports = requested_ports(container);
    request.dns = container.host.dns;
    request.dns_options = container.host.dns_options;
    return request;
}

Result<> check_endpoints(const Core& core, Container& container) {
    std::map<std::string, types::EndpointRequest> endpoints;
    for (auto& [ref, wanted] : container.endpoints) {
        auto network = core.parts.networks.inspect(ref);
        if (network)
            BERTH_CHECK(in("invalid config for network " + ref,
                           core.parts.networks.check(*network, endpoint_request(container, ref, wanted))));
        endpoints[network ? network->name : ref] = std::move(wanted);
    }
    container.endpoints = std::move(endpoints);
    return {};
}

std::unique_ptr<ContainerNetworks> make_networks(Core& core) {
    return std::make_unique<Networks>(core);
}

}  // namespace berth::container
