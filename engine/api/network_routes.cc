#include "engine/api/network_routes.h"

#include <fmt/format.h>

#include <array>
#include <nlohmann/json.hpp>

#include "api-spec/types/network.h"
#include "engine/api/filters.h"

namespace berth::api {
namespace {

using network::Network;
using network::NetworkService;

constexpr std::array<std::string_view, 7> kListFilters{"dangling", "driver", "id",  "label",
                                                       "name",     "scope",  "type"};
constexpr std::array<std::string_view, 3> kPruneFilters{"label", "label!", "until"};

types::NetworkInspect describe(const Network& network) {
    return {.name = network.name,
            .id = network.id,
            .created = format_rfc3339_nano(network.created_at),
            .scope = network.scope,
            .driver = network.driver,
            .subnet = network.subnet,
            .gateway = network.gateway,
            .internal = network.internal,
            .containers = {},
            .options = network.options,
            .labels = network.labels};
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

// Docker takes a regular expression here; clients write a part of the text, or ^text$.
bool part_of(std::string_view text, std::string_view pattern) {
    const bool from_start = pattern.starts_with('^');
    if (from_start) pattern.remove_prefix(1);
    const bool to_end = pattern.ends_with('$');
    if (to_end) pattern.remove_suffix(1);
    if (from_start && to_end) return text == pattern;
    if (from_start) return text.starts_with(pattern);
    if (to_end) return text.ends_with(pattern);
    return text.find(pattern) != text.npos;
}

bool has_labels(const Network& network, const Filters& filters) {
    const auto wanted = filters.find("label");
    if (wanted == filters.end()) return true;
    for (const auto& text : wanted->second) {
        const auto equals = text.find('=');
        const auto label = network.labels.find(text.substr(0, equals));
        if (label == network.labels.end()) return false;
        if (equals != text.npos && label->second != text.substr(equals + 1)) return false;
    }
    return true;
}

bool matches(const Network& network, const Filters& filters) {
    return any_of(filters, "name", [&](const auto& value) { return part_of(network.name, value); }) &&
           any_of(filters, "id", [&](const auto& value) { return part_of(network.id, value); }) &&
           any_of(filters, "driver", [&](const auto& value) { return network.driver == value; }) &&
           any_of(filters, "scope", [&](const auto& value) { return network.scope == value; }) &&
           any_of(filters, "type", [](const auto& value) { return value == "builtin"; }) &&
           has_labels(network, filters);
}

// All networks are predefined ones, which never dangle.
Result<nlohmann::json> select(NetworkService& networks, const http::Query& query) {
    BERTH_TRY(const auto filters, parse_filters(query, kListFilters));
    BERTH_TRY(const bool dangling, filter_flag(filters, "dangling", false));
    if (const auto wanted = filters.find("type"); wanted != filters.end())
        for (const auto& value : wanted->second)
            if (value != "builtin" && value != "custom")
                return fail(ErrorKind::kInternal, fmt::format("invalid filter: 'type'='{}'", value));
    auto list = nlohmann::json::array();
    if (dangling) return list;
    for (const auto& network : networks.list())
        if (matches(network, filters)) list.push_back(types::to_json(describe(network)));
    return list;
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
            .ipv4_address = endpoint.ip_address.empty()
                                ? ""
                                : fmt::format("{}/{}", endpoint.ip_address, endpoint.prefix_length)};
    return types::to_json(answer);
}

Async<Result<>> list(NetworkService& networks, Exchange& exchange) {
    BERTH_CO_TRY(auto body, select(networks, exchange.request.query));
    co_return co_await exchange.json(200, std::move(body));
}

Async<Result<>> inspect(NetworkService& networks, Exchange& exchange) {
    const auto scope = exchange.request.query.get("scope");
    BERTH_CO_TRY(auto body, detail(networks, exchange.params["id"], scope));
    co_return co_await exchange.json(200, std::move(body));
}

Async<Result<>> create(NetworkService& networks, Exchange& exchange) {
    BERTH_CO_TRY(const auto body, co_await exchange.body());
    const auto name =
        body.contains("Name") && body["Name"].is_string() ? body["Name"].get<std::string>() : "";
    for (const auto& network : networks.list())
        if (network.name == name)
            co_return fail(ErrorKind::kForbidden,
                           fmt::format("operation is not permitted on predefined {} network ", name));
    co_return fail(ErrorKind::kNotImplemented,
                   fmt::format("creating network \"{}\": user-defined networks are not supported yet", name));
}

Async<Result<>> remove(NetworkService& networks, Exchange& exchange) {
    BERTH_CO_TRY(const auto network, networks.inspect(exchange.params["id"]));
    co_return fail(ErrorKind::kForbidden,
                   fmt::format("{} is a pre-defined network and cannot be removed", network.name));
}

Async<Result<>> prune(Exchange& exchange) {
    BERTH_CO_CHECK(parse_filters(exchange.request.query, kPruneFilters));
    nlohmann::json body{{"NetworksDeleted", nullptr}};
    co_return co_await exchange.json(200, std::move(body));
}

Async<Result<>> refuse(NetworkService& networks, Exchange& exchange, std::string what) {
    BERTH_CO_TRY(const auto network, networks.inspect(exchange.params["id"]));
    co_return fail(
        ErrorKind::kNotImplemented,
        fmt::format("{} network {} is not supported yet: a container's network is chosen when it is created",
                    what, network.name));
}

}  // namespace

void add_network_routes(Router& router, NetworkService& networks) {
    router.add("GET", "/networks", [&networks](Exchange& exchange) { return list(networks, exchange); });
    router.add("GET", "/networks/{id}",
               [&networks](Exchange& exchange) { return inspect(networks, exchange); });
    router.add("POST", "/networks/create",
               [&networks](Exchange& exchange) { return create(networks, exchange); });
    router.add("POST", "/networks/prune", prune);
    router.add("POST", "/networks/{id}/connect", [&networks](Exchange& exchange) {
        return refuse(networks, exchange, "connecting a container to");
    });
    router.add("POST", "/networks/{id}/disconnect", [&networks](Exchange& exchange) {
        return refuse(networks, exchange, "disconnecting a container from");
    });
    router.add("DELETE", "/networks/{id}",
               [&networks](Exchange& exchange) { return remove(networks, exchange); });
}

}  // namespace berth::api
