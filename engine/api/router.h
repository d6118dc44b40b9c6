#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "engine/async/async.h"
#include "engine/http/server.h"

namespace berth::plugins {
class AuthorizationPlugins;
}

namespace berth::api {

// An Engine API version, 1.24 to 1.51.
struct ApiVersion {
    int major = 1;
    int minor = 51;
    auto operator<=>(const ApiVersion&) const = default;
};
inline constexpr ApiVersion kLatest{1, 51};
inline constexpr ApiVersion kOldest{1, 24};

// One request on its way through a route.
struct Exchange {
    http::Request& request;
    http::Responder& responder;
    ApiVersion version;                                      // negotiated by the path's prefix
    std::map<std::string, std::string, std::less<>> params;  // what {id} and {name...} matched

    // A route's usual endings. Common headers (Api-Version, Server, …) are added.
    Async<Result<>> json(unsigned status, nlohmann::json body);
    // Already rendered JSON text (a newline is added).
    Async<Result<>> json_text(unsigned status, std::string body);
    Async<Result<>> empty(unsigned status);
    // Starts a chunked stream with the common headers; write with responder.write.
    Async<Result<>> stream(unsigned status, std::string content_type);
    // The request's JSON object (null counts as {}). Docker's texts for a wrong Content-Type, broken JSON, a
    // missing body.
    Async<Result<nlohmann::json>> body();
    // The same where a body may be left out: {} then.
    Async<Result<nlohmann::json>> body_or_empty();
    // Hands over the connection, as attach and exec do: 101 UPGRADED for a client that asked for it, 200 and
    // a raw stream until close for others. `multiplexed`: the stream carries Docker's 8-byte frames (no
    // terminal). `common_headers`: exec's answer has them, attach's does not.
    Async<Result<std::unique_ptr<async::Stream>>> upgrade(bool multiplexed, bool common_headers);
};

// A returned Error becomes {"message": …} with the status of its kind, unless a response has begun.
using RouteHandler = std::function<Async<Result<>>(Exchange& exchange)>;

// A table that reads like the API's own description: method, path pattern, handler. "{id}" matches one
// segment,
// "{name...}" one or more (image names have slashes). The first match wins.
class Router {
 public:
    void add(std::string method, std::string pattern, RouteHandler handler);
    // The handler the HTTP server calls: strips /vX.Y, finds the row, renders errors, logs. The router must
    // outlive it.
    http::Handler handler();
    // Every request of a route passes these first, while there are any; they must outlive the router.
    void guard_with(plugins::AuthorizationPlugins& guards) { guards_ = &guards; }

 private:
    struct Route {
        std::string method;
        std::vector<std::string> segments;
        RouteHandler handler;
    };
    const Route* find(std::string_view method, std::string_view path, Exchange& exchange) const;
    Async<void> answer(http::Request& request, http::Responder& responder) const;
    Async<void> serve(const Route& route, Exchange exchange, std::string version) const;
    Async<void> guard(const Route& route, Exchange exchange, std::string version) const;
    std::vector<Route> routes_;
    plugins::AuthorizationPlugins* guards_ = nullptr;
};

}  // namespace berth::api
