#include "engine/api/router.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <span>

#include "engine/api/authorized_exchange.h"
#include "engine/api/common_headers.h"
#include "engine/api/error_table.h"
#include "engine/api/version.h"
#include "engine/base/clean_path.h"
#include "engine/base/log.h"

namespace berth::api {

namespace {

using Segments = std::vector<std::string>;
using Params = std::map<std::string, std::string, std::less<>>;

Segments split(std::string_view path) {
    Segments out;
    while (!path.empty()) {
        path.remove_prefix(1);  // the slash
        out.emplace_back(path.substr(0, path.find('/')));
        path.remove_prefix(std::min(path.size(), out.back().size()));
    }
    return out;
}

bool is_param(std::string_view segment) {
    return segment.starts_with('{') && segment.ends_with('}');
}
bool is_long_param(std::string_view segment) {
    return segment.ends_with("...}");
}

bool match(std::span<const std::string> pattern, std::span<const std::string> path, Params& params) {
    if (pattern.empty()) return path.empty();
    if (path.empty() || path.front().empty()) return false;
    const std::string& head = pattern.front();
    if (!is_param(head)) return head == path.front() && match(pattern.subspan(1), path.subspan(1), params);
    if (!is_long_param(head)) {
        if (!match(pattern.subspan(1), path.subspan(1), params)) return false;
        params[head.substr(1, head.size() - 2)] = path.front();
        return true;
    }
    // As much as leaves a match for the rest.
    for (std::size_t count = path.size(); count >= 1; --count) {
        if (!match(pattern.subspan(1), path.subspan(count), params)) continue;
        std::string joined;
        for (const auto& segment : path.first(count)) joined += (joined.empty() ? "" : "/") + segment;
        params[head.substr(1, head.size() - 5)] = joined;
        return true;
    }
    return false;
}

// Go's mux sends a client with "//", "." or ".." in its path to the clean one.
std::string clean(std::string_view path) {
    std::string out = clean_path(path);
    return path.ends_with('/') && out != "/" ? out + "/" : out;
}

bool is_plain(std::string_view path) {
    return path.starts_with('/') && path.find_first_of("\r\n") == std::string_view::npos;
}

std::string message_body(const std::string& message) {
    nlohmann::json body{{"message", message}};
    return body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

Async<Result<>> send_not_found(http::Responder& responder) {
    http::Headers headers;
    headers.add("Content-Type", "application/json");
    return responder.send(404, std::move(headers), message_body("page not found"));
}

Async<Result<>> send_redirect(http::Responder& responder, std::string location) {
    http::Headers headers;
    headers.add("Location", std::move(location));
    return responder.send(301, std::move(headers), "");
}

Async<Result<>> send_error(http::Responder& responder, Error error, bool plain, bool bare = false) {
    const unsigned status = status_of(error.kind);
    const std::string type = plain ? "text/plain; charset=utf-8" : "application/json";
    http::Headers headers;
    if (bare) {
        headers.add("Content-Type", type);
    } else {
        headers = common_headers(type);
    }
    if (plain) headers.add("X-Content-Type-Options", "nosniff");
    auto body = plain ? error.message + "\n" : message_body(error.message);
    return responder.send(status, std::move(headers), std::move(body));
}

// Whether an error says something about the engine rather than about what was asked of it.
bool is_ours(ErrorKind kind) {
    return kind == ErrorKind::kInternal || kind == ErrorKind::kDeadlineExceeded ||
           kind == ErrorKind::kDataLoss;
}

// A route's exception is a broken invariant of ours: the client gets a 500 and the log a line.
Async<Result<>> run(const RouteHandler& handler, Exchange& exchange) {
    std::string broken;
    try {
        co_return co_await handler(exchange);
    } catch (const std::exception& error) {
        broken = error.what();
    }
    co_return fail(ErrorKind::kInternal, "internal error: " + broken);
}

// Runs a route in the version that was asked for, and logs what went wrong on our side.
Async<Result<>> carry_out(const RouteHandler& handler, Exchange& exchange, std::string version) {
    auto negotiated = negotiate(version);
    if (!negotiated) co_return Failure(std::move(negotiated.error()));
    exchange.version = *negotiated;
    auto result = co_await run(handler, exchange);
    if (!result && is_ours(result.error().kind)) {
        log::error("handler returned error", {{"method", exchange.request.method},
                                              {"path", exchange.request.path},
                                              {"error", result.error().message}});
    }
    co_return result;
}

}  // namespace

void Router::add(std::string method, std::string pattern, RouteHandler handler) {
    routes_.push_back({std::move(method), split(pattern), std::move(handler)});
}

http::Handler Router::handler() {
    return [this](http::Request& request, http::Responder& responder) { return answer(request, responder); };
}

const Router::Route* Router::find(std::string_view method, std::string_view path, Exchange& exchange) const {
    const Segments segments = split(path);
    for (const Route& route : routes_) {
        exchange.params.clear();
        if (route.method == method && match(route.segments, segments, exchange.params)) return &route;
    }
    return nullptr;
}

Async<void> Router::answer(http::Request& request, http::Responder& responder) const {
    if (!is_plain(request.path)) {
        auto sent = co_await send_not_found(responder);
        (void)sent;
        co_return;
    }
    if (auto cleaned = clean(request.path); cleaned != request.path) {
        auto sent = co_await send_redirect(responder, std::move(cleaned));
        (void)sent;
        co_return;
    }
    auto [path, version] = split_version(request.path);
    Exchange exchange{request, responder, kLatest, {}};
    const Route* route = find(request.method, path, exchange);
    if (route == nullptr) {
        Async<Result<>> sending;
        if (request.method == "OPTIONS") {
            sending = exchange.empty(200);
        } else {
            sending = send_not_found(responder);
        }
        auto sent = co_await std::move(sending);
        (void)sent;
        co_return;
    }
    log::debug("handling request", {{"method", request.method}, {"path", request.path}});
    Async<void> answering;
    if (guards_ != nullptr && !guards_->empty()) {
        answering = guard(*route, std::move(exchange), std::move(version));
    } else {
        answering = serve(*route, std::move(exchange), std::move(version));
    }
    co_await std::move(answering);
}

Async<void> Router::serve(const Route& route, Exchange exchange, std::string version) const {
    auto result = co_await carry_out(route.handler, exchange, version);
    if (result || exchange.responder.started()) co_return;
    auto sent = co_await send_error(exchange.responder, result.error(), wants_plain_errors(version));
    (void)sent;
}

// The plugins are asked before anything is made of the request, its version included. What goes wrong is told
// to them without a response, and they have no say in it: as in dockerd.
Async<void> Router::guard(const Route& route, Exchange exchange, std::string version) const {
    AuthorizedExchange guarded(*guards_, exchange.request, exchange.responder);
    auto result = co_await guarded.admit();
    if (result) {
        Exchange inner{exchange.request, guarded, exchange.version, std::move(exchange.params)};
        result = co_await carry_out(route.handler, inner, version);
        co_await guarded.finish();
    }
    if (result || guarded.started()) co_return;
    auto sent = co_await send_error(exchange.responder, result.error(), wants_plain_errors(version),
                                    guarded.refused());
    (void)sent;
}

}  // namespace berth::api
