#include "engine/api/usage_routes.h"

#include <nlohmann/json.hpp>

#include "engine/api/image_list.h"
#include "engine/api/volume_routes.h"
#include "engine/sys/disk_usage.h"

namespace berth::api {

namespace {

using nlohmann::json;

struct Wanted {
    bool containers = true, images = true, volumes = true, build_cache = true;
};

Result<Wanted> wanted_of(const http::Query& query) {
    const auto types = query.all("type");
    if (types.empty()) return Wanted{};
    Wanted out{false, false, false, false};
    for (const std::string& type : types) {
        if (type == "container")
            out.containers = true;
        else if (type == "image")
            out.images = true;
        else if (type == "volume")
            out.volumes = true;
        else if (type == "build-cache")
            out.build_cache = true;
        else
            return fail(ErrorKind::kInvalidArgument, "unknown object type: " + type);
    }
    return out;
}

json volumes_json(volumes::VolumeService& volumes, const std::vector<volumes::Volume>& all) {
    json out = json::array();
    for (const volumes::Volume& volume : all) {
        // What has options may lie anywhere; Docker leaves it out.
        if (volume.driver == "local" && !volume.options.empty()) continue;
        json object = describe_volume(volume);
        // Of a driver's volume nobody knows the size without mounting it.
        std::int64_t size = -1;
        if (volume.driver == "local") {
            if (auto used = sys::disk_usage(volume.mountpoint))
                size = static_cast<std::int64_t>(used->content);
        }
        object["UsageData"] = {{"Size", size}, {"RefCount", volumes.users(volume.name).size()}};
        out.push_back(std::move(object));
    }
    return out;
}

Async<Result<>> disk_usage(UsageParts parts, Exchange& exchange) {
    BERTH_CO_TRY(Wanted wanted, wanted_of(exchange.request.query));
    // What was not asked for is null.
    json body = {{"LayersSize", 0},
                 {"Images", nullptr},
                 {"Containers", nullptr},
                 {"Volumes", nullptr},
                 {"BuildCache", nullptr}};
    const auto users = parts.containers.image_users();
    if (wanted.images) {
        auto work = [&]() -> Result<json> {
            BERTH_TRY(std::uint64_t layers, parts.images.disk_usage());
            body["LayersSize"] = layers;
            return list_images(parts.images, users, http::Query::parse("shared-size=1"), exchange.version);
        };
        BERTH_CO_TRY(body["Images"], co_await parts.pool.run(std::move(work)));
    }
    if (wanted.containers) {
        container::ListOptions options;
        options.all = true;
        options.size = true;
        BERTH_CO_TRY(std::string text, co_await parts.containers.list(std::move(options)));
        body["Containers"] = json::parse(text);
    }
    if (wanted.volumes) {
        auto work = [&]() -> Result<json> {
            BERTH_TRY(auto all, parts.volumes.list());
            return volumes_json(parts.volumes, all);
        };
        BERTH_CO_TRY(body["Volumes"], co_await parts.pool.run(std::move(work)));
    }
    if (wanted.build_cache) body["BuildCache"] = json::array();
    co_return co_await exchange.json(200, std::move(body));
}

// Without a builder there is no cache of builds, and `docker system prune` asks for it last.
Async<Result<>> prune_build_cache(Exchange& exchange) {
    json nothing{{"CachesDeleted", nullptr}, {"SpaceReclaimed", 0}};
    co_return co_await exchange.json(200, std::move(nothing));
}

}  // namespace

void add_usage_routes(Router& router, UsageParts parts) {
    router.add("POST", "/build/prune", prune_build_cache);
    router.add("GET", "/system/df", [parts](Exchange& exchange) { return disk_usage(parts, exchange); });
}

}  // namespace berth::api
