#include "engine/api/network_routes.h"

#include <fmt/format.h>
#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <optional>

#include "api-spec/types/network.h"
#include "engine/api/filters.h"
#include "engine/base/moment.h"

namespace berth::api {
namespace {

using network::Network;
using network::NetworkService;

constexpr std::array<std::string_view, 7> kListFilters{"dangling", "driver", "id",  "label",
                                                       "name",     "scope",  "type"};
constexpr std::array<std::string_view, 3> kPruneFilters{"label", "label!", "until"};

types::NetworkInspect describe(const Network& network) {
    types::NetworkInspect out;
    out.name = network.name;
    out.id = network.id;
    out.created = format_rfc3339_nano(network.created_at);
    out.scope = network.scope;
    out.driver = network.driver;
    out.enable_ipv4 = network.ipv4;
    out.enable_ipv6 = network.ipv6;
    out.ipam_driver = network.ipam_driver;
    out.ipam_options = network.ipam_options;
    for (auto& config : network.shown_ipam())
        out.subnets.push_back({config.subnet, config.ip_range, config.gateway, config.aux_addresses});
    out.internal = network.internal;
    out.attachable = network.attachable;
    out.ingress = network.ingress;
    out.config_only = network.config_only;
    out.config_from = network.config_from;
    out.options = network.options;
    out.labels = network.labels;
    return out;
}

// Any of the wanted values, or nothing wanted.
template <class Matches>
bool any_of(const Filters& filters, std::string_view name, Matches matches) {
    const auto wanted = filters.find(name);
    if (wanted == filters.end() || wanted->second.empty()) return true;
    for (const auto& value : wanted->second)
        if (matches(value)) return true;
    return false;
}

bool has_label(const Network& network, const std::string& text) {
    const auto equals = text.find('=');
    const auto label = network.labels.find(text.substr(0, equals));
    if (label == network.labels.end()) return false;
    return equals == text.npos || label->second == text.substr(equals + 1);
}

bool has_all_labels(const Network& network, const Filters& filters) {
    const auto wanted = filters.find("label");
    return wanted == filters.end() || std::all_of(wanted->second.begin(), wanted->second.end(),
                                                  [&](const auto& text) { return has_label(network, text); });
}

bool has_none_of_labels(const Network& network, const Filters& filters) {
    const auto unwanted = filters.find("label!");
    return unwanted == filters.end() ||
           std::none_of(unwanted->second.begin(), unwanted->second.end(),
                        [&](const auto& text) { return has_label(network, text); });
}

bool matches(const Network& network, const Filters& filters) {
    const std::string type = network.predefined() ? "builtin" : "custom";
    return any_of(filters, "name", [&](const auto& value) { return part_of(network.name, value); }) &&
           any_of(filters, "id", [&](const auto& value) { return part_of(network.id, value); }) &&
           any_of(filters, "driver", [&](const auto& value) { return network.driver == value; }) &&
           any_of(filters, "scope", [&](const auto& value) { return network.scope == value; }) &&
           any_of(filters, "type", [&](const auto& value) { return value == type; }) &&
           has_all_labels(network, filters);
}

Result<std::optional<bool>> dangling_filter(const Filters& filters) {
    const auto found = filters.find("dangling");
    if (found == filters.end() || found->second.empty()) return std::optional<bool>();
    if (found->second.size() > 1)
        return fail(ErrorKind::kInvalidArgument, "got more than one value for filter key \"dangling\"");
    const std::string& value = *found->second.begin();
    if (value == "true" || value == "1") return std::optional(true);
    if (value == "false" || value == "0") return std::optional(false);
    return fail(ErrorKind::kInvalidArgument,
                "invalid value for filter 'dangling', must be \"true\" (or \"1\"), or \"false\" (or \"0\")");
}

Result<nlohmann::json> select(NetworkService& networks, const http::Query& query) {
    BERTH_TRY(const auto filters, parse_filters(query, kListFilters));
    BERTH_TRY(const auto dangling, dangling_filter(filters));
    if (const auto wanted = filters.find("type"); wanted != filters.end())
        for (const auto& value : wanted->second)
            if (value != "builtin" && value != "custom")
                return fail(ErrorKind::kInternal, fmt::format("invalid filter: 'type'='{}'", value));
    auto list = nlohmann::json::array();
    for (const auto& network : networks.list()) {
        if (!matches(network, filters)) continue;
        const bool unused = !network.predefined() && networks.members(network.id).empty();
        if (dangling && unused != *dangling) continue;
        list.push_back(types::to_json(describe(network)));
    }
    return list;
}

std::string with_bits(const std::string& address, int bits) {
    return address.empty() ? "" : fmt::format("{}/{}", address, bits);
}

Result<nlohmann::json> detail(NetworkService& networks, const std::string& name, const std::string& scope) {
    BERTH_TRY(const auto network, networks.inspect(name));
    if (!scope.empty() && scope != network.scope)
        return fail(ErrorKind::kNotFound, fmt::format("network {} not found", name));
    auto answer = describe(network);
    for (const auto& [id, endpoint] : networks.members(network.id))
        answer.containers[id] = {
            .name = endpoint.container_name,
            .endpoint_id = endpoint.endpoint_id,
            .mac_address = endpoint.mac_address,
            .ipv4_address = with_bits(endpoint.ip_address, endpoint.prefix_length),
            .ipv6_address = with_bits(endpoint.ipv6_address, endpoint.ipv6_prefix_length)};
    return types::to_json(answer);
}

bool is_bool(const std::string& text) {
    constexpr std::array<std::string_view, 12> kWords{"1", "t", "T", "true",  "TRUE",  "True",
                                                      "0", "f", "F", "false", "FALSE", "False"};
    return std::find(kWords.begin(), kWords.end(), text) != kWords.end();
}

struct Services {
    NetworkService& networks;
    container::ContainerNetworks& containers;
    async::BlockingPool& pool;
};

Async<Result<>> list(Services services, Exchange& exchange) {
    BERTH_CO_TRY(auto body, select(services.networks, exchange.request.query));
    co_return co_await exchange.json(200, std::move(body));
}

Async<Result<>> inspect(Services services, Exchange& exchange) {
    const auto scope = exchange.request.query.get("scope");
    // What a swarm would know of a network beside is nothing here; the word is checked all the same.
    if (const auto verbose = exchange.request.query.get("verbose"); !verbose.empty() && !is_bool(verbose))
        co_return fail(
            ErrorKind::kInvalidArgument,
            fmt::format("invalid value for verbose: {0}: strconv.ParseBool: parsing {0:?}: invalid "
                        "syntax",
                        verbose));
    BERTH_CO_TRY(auto body, detail(services.networks, exchange.params["id"], scope));
    co_return co_await exchange.json(200, std::move(body));
}

Network wanted_network(const types::NetworkCreate& request) {
    Network network;
    network.name = request.name;
    network.driver = request.driver;
    if (!request.scope.empty()) network.scope = request.scope;
    network.ipv4 = request.enable_ipv4.value_or(true);
    network.ipv6 = request.enable_ipv6.value_or(false);
    network.internal = request.internal;
    network.attachable = request.attachable;
    network.ingress = request.ingress;
    network.config_only = request.config_only;
    if (request.config_from) network.config_from = request.config_from->network;
    if (request.ipam) {
        if (!request.ipam->driver.empty()) network.ipam_driver = request.ipam->driver;
        network.ipam_options = request.ipam->options;
        for (const auto& config : request.ipam->config)
            network.requested.push_back(
                {config.subnet, config.ip_range, config.gateway, config.aux_addresses});
    }
    network.options = request.options;
    network.labels = request.labels;
    return network;
}

Async<Result<>> create(Services services, Exchange& exchange) {
    BERTH_CO_TRY(const auto body, co_await exchange.body_or_empty());
    BERTH_CO_TRY(const auto request, types::parse_network_create(body));
    auto work = [&services, &request] { return services.networks.create(wanted_network(request)); };
    BERTH_CO_TRY(const auto network, co_await services.pool.run(std::move(work)));
    nlohmann::json answer{{"Id", network.id}, {"Warning", ""}};
    co_return co_await exchange.json(201, std::move(answer));
}

Async<Result<>> remove(Services services, Exchange& exchange) {
    const std::string name = exchange.params["id"];
    auto work = [&services, &name] { return services.networks.remove(name); };
    BERTH_CO_CHECK(co_await services.pool.run(std::move(work)));
    co_return co_await exchange.empty(204);
}

Result<Timestamp> until_filter(const Filters& filters) {
    const auto found = filters.find("until");
    if (found == filters.end()) return Timestamp::max();
    if (found->second.size() != 1)
        return fail(ErrorKind::kInvalidArgument, "more than one until filter specified");
    return parse_moment(*found->second.begin());
}

Async<Result<>> prune(Services services, Exchange& exchange) {
    BERTH_CO_TRY(const auto filters, parse_filters(exchange.request.query, kPruneFilters));
    BERTH_CO_TRY(const auto until, until_filter(filters));
    auto work = [&services, &filters, until] {
        return services.networks.prune([&](const Network& network) {
            return network.created_at < until && has_all_labels(network, filters) &&
                   has_none_of_labels(network, filters);
        });
    };
    const auto names = co_await services.pool.run(std::move(work));
    nlohmann::json body{{"NetworksDeleted", names.empty() ? nlohmann::json() : nlohmann::json(names)}};
    co_return co_await exchange.json(200, std::move(body));
}

Async<Result<>> connect(Services services, Exchange& exchange) {
    const std::string network = exchange.params["id"];
    BERTH_CO_TRY(const auto body, co_await exchange.body_or_empty());
    BERTH_CO_TRY(auto request, types::parse_network_connect(body));
    BERTH_CO_CHECK(
        co_await services.containers.connect(network, request.container, std::move(request.endpoint)));
    co_return co_await exchange.empty(200);
}

Async<Result<>> disconnect(Services services, Exchange& exchange) {
    const std::string network = exchange.params["id"];
    BERTH_CO_TRY(const auto body, co_await exchange.body_or_empty());
    BERTH_CO_TRY(auto request, types::parse_network_disconnect(body));
    BERTH_CO_CHECK(co_await services.containers.disconnect(network, request.container, request.force));
    co_return co_await exchange.empty(200);
}

}  // namespace

void add_network_routes(Router& router, NetworkService& networks, container::ContainerNetworks& containers,
                        async::BlockingPool& pool) {
    const Services services{networks, containers, pool};
    const auto add = [&](const char* method, const char* path,
                         Async<Result<>> (*act)(Services services, Exchange& exchange)) {
        router.add(method, path, [services, act](Exchange& exchange) { return act(services, exchange); });
    };
    add("GET", "/networks", list);
    add("GET", "/networks/{id}", inspect);
    add("POST", "/networks/create", create);
    add("POST", "/networks/prune", prune);
    add("POST", "/networks/{id}/connect", connect);
    add("POST", "/networks/{id}/disconnect", disconnect);
    add("DELETE", "/networks/{id}", remove);
}

}  // namespace berth::api
