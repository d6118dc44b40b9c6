#include "engine/api/volume_routes.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "api-spec/types/volume.h"
#include "engine/api/filters.h"
#include "volumes/prune.h"

namespace berth::api {

nlohmann::json describe_volume(const volumes::Volume& volume) {
    types::VolumeInspect out;
    out.created_at = format_rfc3339_nano(volume.created_at);
    out.driver = volume.driver;
    out.labels = volume.labels;
    out.mountpoint = volume.mountpoint;
    out.name = volume.name;
    out.options = volume.options;
    out.scope = volume.scope;
    nlohmann::json answer = types::to_json(out);
    if (!volume.status.empty()) answer["Status"] = nlohmann::json::parse(volume.status, nullptr, false);
    return answer;
}

namespace {

using nlohmann::json;
using volumes::Volume;
using volumes::VolumeService;

constexpr std::string_view kListFilters[] = {"dangling", "driver", "label", "name"};
constexpr std::string_view kPruneFilters[] = {"all", "label", "label!"};

// "key" or "key=value".
bool has_label(const Volume& volume, const std::string& text) {
    const auto equals = text.find('=');
    const auto label = volume.labels.find(text.substr(0, equals));
    if (label == volume.labels.end()) return false;
    return equals == std::string::npos || label->second == text.substr(equals + 1);
}

template <class Matches>
bool any_of(const Filters& filters, std::string_view name, Matches matches) {
    const auto wanted = filters.find(name);
    if (wanted == filters.end() || wanted->second.empty()) return true;
    return std::any_of(wanted->second.begin(), wanted->second.end(), matches);
}

bool has_all_labels(const Volume& volume, const Filters& filters) {
    const auto wanted = filters.find("label");
    if (wanted == filters.end()) return true;
    return std::all_of(wanted->second.begin(), wanted->second.end(),
                       [&](const auto& text) { return has_label(volume, text); });
}

bool has_none_of_labels(const Volume& volume, const Filters& filters) {
    const auto unwanted = filters.find("label!");
    if (unwanted == filters.end()) return true;
    return std::none_of(unwanted->second.begin(), unwanted->second.end(),
                        [&](const auto& text) { return has_label(volume, text); });
}

Result<json> select(VolumeService& volumes, const Filters& filters) {
    const bool by_use = filters.contains("dangling");
    BERTH_TRY(const bool dangling, filter_flag(filters, "dangling", false));
    BERTH_TRY(const auto all, volumes.list());
    json list = json::array();
    for (const auto& volume : all) {
        if (by_use && volumes.users(volume.name).empty() != dangling) continue;
        if (!has_all_labels(volume, filters)) continue;
        if (!any_of(filters, "driver", [&](const auto& text) { return volume.driver == text; })) continue;
        if (!any_of(filters, "name", [&](const auto& text) { return part_of(volume.name, text); })) continue;
        list.push_back(describe_volume(volume));
    }
    return json{{"Volumes", std::move(list)}, {"Warnings", nullptr}};
}

Result<json> select(VolumeService& volumes, const http::Query& query) {
    auto filters = parse_filters(query, kListFilters);
    // Not even filters.
    if (!filters && filters.error().message == "invalid filter")
        return in("error reading volume filters", Result<json>(Failure(std::move(filters.error()))));
    if (!filters) return Failure(std::move(filters.error()));
    return select(volumes, *filters);
}

struct Services {
    VolumeService& volumes;
    events::EventSink& events;
    async::BlockingPool& pool;
};

Async<Result<>> list(Services services, Exchange& exchange) {
    const http::Query query = exchange.request.query;
    auto work = [&services, &query] { return select(services.volumes, query); };
    auto body = co_await services.pool.run(work);
    if (!body) co_return Failure(std::move(body.error()));
    co_return co_await exchange.json(200, std::move(*body));
}

Async<Result<>> inspect(Services services, Exchange& exchange) {
    const std::string name = exchange.params["name"];
    auto work = [&services, &name] { return services.volumes.inspect(name); };
    auto volume = co_await services.pool.run(work);
    if (!volume) co_return Failure(std::move(volume.error()));
    json body = describe_volume(*volume);
    co_return co_await exchange.json(200, std::move(body));
}

Async<Result<>> create(Services services, Exchange& exchange) {
    BERTH_CO_TRY(const auto body, co_await exchange.body_or_empty());
    BERTH_CO_TRY(const auto wanted, types::parse_volume_create(body));
    if (wanted.cluster) {
        co_return fail(
            ErrorKind::kUnavailable,
            "This node is not a swarm manager. Use \"docker swarm init\" or \"docker swarm join\" to connect "
            "this node to swarm and try again.");
    }
    auto work = [&services, &wanted] {
        return services.volumes.create({wanted.name, wanted.driver, wanted.driver_opts, wanted.labels});
    };
    auto created = co_await services.pool.run(work);
    if (!created) co_return Failure(std::move(created.error()));
    json answer = describe_volume(*created);
    co_return co_await exchange.json(201, std::move(answer));
}

Async<Result<>> remove(Services services, Exchange& exchange) {
    const std::string name = exchange.params["name"];
    const bool force = exchange.request.query.flag("force");
    auto work = [&services, &name, force] { return services.volumes.remove(name, force); };
    auto removed = co_await services.pool.run(work);
    if (!removed) co_return Failure(std::move(removed.error()));
    co_return co_await exchange.empty(204);
}

// Before API 1.42 named volumes were pruned along.
Async<Result<>> prune(Services services, Exchange& exchange) {
    constexpr ApiVersion kAnonymousOnly{1, 42};
    BERTH_CO_TRY(const auto filters, parse_filters(exchange.request.query, kPruneFilters));
    auto all_flag = filter_flag(filters, "all", exchange.version < kAnonymousOnly);
    if (!all_flag) {
        co_return fail(ErrorKind::kInvalidArgument, "invalid filter 'all': strconv.ParseBool: parsing \"" +
                                                        *filters.at("all").begin() + "\": invalid syntax");
    }
    const bool all = *all_flag;
    auto work = [&services, &filters, all] {
        return volumes::prune(services.volumes, services.events, [&filters, all](const Volume& volume) {
            return (all || volume.anonymous) && has_all_labels(volume, filters) &&
                   has_none_of_labels(volume, filters);
        });
    };
    auto pruned = co_await services.pool.run(work);
    if (!pruned) co_return Failure(std::move(pruned.error()));
    json answer{{"VolumesDeleted", pruned->names}, {"SpaceReclaimed", pruned->bytes}};
    co_return co_await exchange.json(200, std::move(answer));
}

Async<Result<>> update() {
    co_return fail(ErrorKind::kUnavailable,
                   "volume update only valid for cluster volumes, but swarm is unavailable");
}

}  // namespace

void add_volume_routes(Router& router, VolumeService& volumes, events::EventSink& events,
                       async::BlockingPool& pool) {
    const Services services{volumes, events, pool};
    router.add("GET", "/volumes", [services](Exchange& exchange) { return list(services, exchange); });
    router.add("GET", "/volumes/{name}",
               [services](Exchange& exchange) { return inspect(services, exchange); });
    router.add("POST", "/volumes/create",
               [services](Exchange& exchange) { return create(services, exchange); });
    router.add("POST", "/volumes/prune",
               [services](Exchange& exchange) { return prune(services, exchange); });
    router.add("PUT", "/volumes/{name}", [](Exchange&) { return update(); });
    router.add("DELETE", "/volumes/{name}",
               [services](Exchange& exchange) { return remove(services, exchange); });
}

}  // namespace berth::api
