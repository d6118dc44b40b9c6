#include "engine/api/image_routes.h"

#include <nlohmann/json.hpp>

#include "engine/api/image_filters.h"
#include "engine/api/image_list.h"
#include "engine/api/image_queries.h"
#include "engine/api/image_save.h"
#include "engine/api/image_transfers.h"

namespace berth::api {

namespace {

using nlohmann::json;
using Parts = const ImageRouteParts;
constexpr ApiVersion kRemovePlatforms{1, 50};

std::string name_of(const Exchange& exchange) {
    return exchange.params.find("name")->second;
}

Async<Result<>> list(Parts& parts, ImageListText& images, Exchange& exchange) {
    const auto& query = exchange.request.query;
    auto work = [&images, &query, users = parts.users(), version = exchange.version] {
        return images.show(users, query, version);
    };
    BERTH_CO_TRY(auto body, co_await parts.pool.run(work));
    co_return co_await exchange.json_text(200, std::move(body));
}

Async<Result<>> inspect(Parts& parts, Exchange& exchange) {
    const auto& query = exchange.request.query;
    BERTH_CO_TRY(auto platform, platform_of(query));
    const bool manifests = query.flag("manifests");
    if (manifests && platform) {
        co_return fail(ErrorKind::kInvalidArgument,
                       "conflicting options: manifests and platform options cannot both be set");
    }
    auto work = [&parts, &platform, manifests, name = name_of(exchange),
                 version = exchange.version]() -> Result<json> {
        BERTH_TRY(auto details, parts.images.inspect(name, platform));
        return show_image(details, manifests, version);
    };
    BERTH_CO_TRY(auto body, co_await parts.pool.run(work));
    co_return co_await exchange.json(200, std::move(body));
}

Async<Result<>> history(Parts& parts, Exchange& exchange) {
    BERTH_CO_TRY(auto platform, platform_of(exchange.request.query));
    auto work = [&parts, &platform, name = name_of(exchange)]() -> Result<json> {
        BERTH_TRY(auto details, parts.images.inspect(name, platform));
        return show_history(details);
    };
    BERTH_CO_TRY(auto body, co_await parts.pool.run(work));
    co_return co_await exchange.json(200, std::move(body));
}

Async<Result<>> tag(Parts& parts, Exchange& exchange) {
    const auto& query = exchange.request.query;
    // Docker does nothing then, and says that it went well.
    if (query.get("repo").empty()) co_return co_await exchange.empty(200);
    auto work = [&parts, name = name_of(exchange), repository = query.get("repo"), tag = query.get("tag")] {
        return parts.images.tag(name, repository, tag);
    };
    BERTH_CO_CHECK(co_await parts.pool.run(work));
    co_return co_await exchange.empty(201);
}

Async<Result<>> remove(Parts& parts, Exchange& exchange) {
    const auto& query = exchange.request.query;
    std::vector<oci::Platform> platforms;
    if (exchange.version >= kRemovePlatforms) {
        BERTH_CO_TRY(platforms, platforms_of(query, "platforms"));
    }
    const bool force = query.flag("force");
    if (!platforms.empty() && !force) {
        co_return fail(
            ErrorKind::kInvalidArgument,
            "Content will be removed from all images referencing this variant. Use \u2014-force to "
            "force delete.");
    }
    auto work = [&parts, &platforms, name = name_of(exchange), force, prune = !query.flag("noprune"),
                 users = parts.users()] {
        return platforms.empty() ? parts.images.remove(name, force, prune, users)
                                 : parts.images.remove_platforms(name, platforms);
    };
    BERTH_CO_TRY(auto removed, co_await parts.pool.run(work));
    auto body = show_removed(removed);
    co_return co_await exchange.json(200, std::move(body));
}

Async<Result<>> prune(Parts& parts, Exchange& exchange) {
    BERTH_CO_TRY(auto request, prune_request(exchange.request.query));
    auto work = [&parts, &request, users = parts.users()] { return parts.images.prune(request, users); };
    BERTH_CO_TRY(auto report, co_await parts.pool.run(work));
    json body = {{"ImagesDeleted", report.removed.empty() ? json() : show_removed(report.removed)},
                 {"SpaceReclaimed", report.reclaimed}};
    parts.events.publish({.type = "image",
                          .action = "prune",
                          .actor_id = "",
                          .attributes = {{"reclaimed", std::to_string(report.reclaimed)}}});
    co_return co_await exchange.json(200, std::move(body));
}

}  // namespace

void add_image_routes(Router& router, ImageRouteParts parts) {
    using Route = Async<Result<>> (*)(Parts&, Exchange&);
    auto shared = std::make_shared<Parts>(std::move(parts));
    auto add = [&](const char* method, const char* pattern, Route route) {
        router.add(method, pattern, [shared, route](Exchange& exchange) { return route(*shared, exchange); });
    };
    auto images = std::make_shared<ImageListText>(shared->images);
    router.add("GET", "/images/json",
               [shared, images](Exchange& exchange) { return list(*shared, *images, exchange); });
    add("GET", "/images/get", save_images);
    add("POST", "/images/load", load_images);
    add("POST", "/images/create", create_image);
    add("POST", "/images/prune", prune);
    add("GET", "/images/{name...}/json", inspect);
    add("GET", "/images/{name...}/history", history);
    add("GET", "/images/{name...}/get", save_images);
    add("POST", "/images/{name...}/tag", tag);
    add("POST", "/images/{name...}/push", push_image);
    add("DELETE", "/images/{name...}", remove);
}

}  // namespace berth::api
