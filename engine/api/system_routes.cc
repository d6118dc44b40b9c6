#include "engine/api/system_routes.h"

#include <nlohmann/json.hpp>

#include "engine/api/common_headers.h"
#include "engine/api/info_compat.h"

namespace berth::api {

namespace {

Async<Result<>> ping(Exchange& exchange) {
    auto headers = common_headers("text/plain; charset=utf-8");
    headers.add("Builder-Version", "1");
    headers.add("Swarm", "inactive");
    headers.add("Cache-Control", "no-cache, no-store, must-revalidate");
    headers.add("Pragma", "no-cache");
    const char* body = exchange.request.method == "HEAD" ? "" : "OK";
    return exchange.responder.send(200, std::move(headers), body);
}

Async<Result<>> version(SystemService& system, Exchange& exchange) {
    return exchange.json(200, types::to_json(system.version()));
}

Async<Result<>> info(SystemService& system, Exchange& exchange) {
    BERTH_CO_TRY(auto found, co_await system.info());
    auto body = types::to_json(found);
    apply_info_version(body, exchange.version);
    co_return co_await exchange.json(200, std::move(body));
}

Async<Result<>> refuse(ErrorKind kind, std::string message) {
    co_return fail(kind, std::move(message));
}

Async<Result<>> no_swarm(Exchange&) {
    return refuse(ErrorKind::kUnavailable,
                  "This node is not a swarm manager. Use \"docker swarm init\" or \"docker swarm join\" to "
                  "connect this "
                  "node to swarm and try again.");
}

Async<Result<>> swarm_unsupported(Exchange&) {
    return refuse(ErrorKind::kNotImplemented, "swarm mode is not supported");
}

Async<Result<>> no_managed_plugins(Exchange&) {
    return refuse(ErrorKind::kNotImplemented, "managed plugins are not supported");
}

Async<Result<>> no_builder(Exchange&) {
    return refuse(ErrorKind::kNotImplemented, "building images is not supported");
}

Async<Result<>> no_plugins(Exchange& exchange) {
    return exchange.json(200, nlohmann::json::array());
}

Async<Result<>> plugin_not_found(Exchange& exchange) {
    return refuse(ErrorKind::kNotFound, "plugin \"" + exchange.params["name"] + "\" not found");
}

void add_swarm_routes(Router& router) {
    router.add("POST", "/swarm/init", swarm_unsupported);
    router.add("POST", "/swarm/join", swarm_unsupported);
    router.add("POST", "/swarm/leave",
               [](Exchange&) { return refuse(ErrorKind::kUnavailable, "This node is not part of a swarm"); });
    router.add("GET", "/swarm", no_swarm);
    router.add("GET", "/swarm/unlockkey", no_swarm);
    router.add("POST", "/swarm/unlock", no_swarm);
    router.add("POST", "/swarm/update", no_swarm);
    for (std::string resource : {"/nodes", "/services", "/tasks", "/secrets", "/configs"}) {
        router.add("GET", resource, no_swarm);
        router.add("GET", resource + "/{id}", no_swarm);
        if (resource == "/tasks") continue;
        router.add("DELETE", resource + "/{id}", no_swarm);
        router.add("POST", resource + "/{id}/update", no_swarm);
        if (resource != "/nodes") router.add("POST", resource + "/create", no_swarm);
    }
    router.add("GET", "/services/{id}/logs", no_swarm);
    router.add("GET", "/tasks/{id}/logs", no_swarm);
}

}  // namespace

void add_system_routes(Router& router, SystemService& system) {
    router.add("GET", "/_ping", ping);
    router.add("HEAD", "/_ping", ping);
    router.add("GET", "/version", [&system](Exchange& exchange) { return version(system, exchange); });
    router.add("GET", "/info", [&system](Exchange& exchange) { return info(system, exchange); });
    router.add("GET", "/plugins", no_plugins);
    router.add("GET", "/plugins/privileges", no_managed_plugins);
    router.add("POST", "/plugins/pull", no_managed_plugins);
    router.add("POST", "/plugins/create", no_managed_plugins);
    router.add("GET", "/plugins/{name...}/json", plugin_not_found);
    router.add("DELETE", "/plugins/{name...}", plugin_not_found);
    for (const char* action : {"enable", "disable", "upgrade", "push", "set"}) {
        router.add("POST", std::string("/plugins/{name...}/") + action, plugin_not_found);
    }
    for (const char* path : {"/build", "/session", "/grpc"}) router.add("POST", path, no_builder);
    add_swarm_routes(router);
}

}  // namespace berth::api
