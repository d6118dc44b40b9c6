#include "engine/api/container_routes.h"

#include <array>
#include <nlohmann/json.hpp>

#include "engine/api/container_queries.h"
#include "engine/api/create_compat.h"
#include "engine/api/filters.h"
#include "engine/api/unframed_stream.h"
#include "engine/async/race.h"
#include "engine/async/spawn.h"
#include "engine/http/websocket.h"

namespace berth::api {
namespace {

using container::ContainerServices;
using container::Outcome;
using nlohmann::json;

constexpr std::array<std::string_view, 3> kPruneFilters{"label", "label!", "until"};
constexpr ApiVersion kTypedStreams{1, 42};  // before it every stream is called raw
constexpr ApiVersion kBinaryMessages{1, 28};
constexpr ApiVersion kPlainAliases{1, 45};  // before it a container's own names are among its aliases

std::string ref_of(const Exchange& exchange) {
    return exchange.params.find("id")->second;
}

Async<Result<>> answer(Exchange& exchange, Outcome outcome) {
    unsigned status = outcome == Outcome::kChanged ? 204 : 304;
    co_return co_await exchange.empty(status);
}

Async<Result<>> create(ContainerServices& services, Exchange& exchange) {
    BERTH_CO_TRY(auto body, co_await exchange.body());
    BERTH_CO_TRY(auto request, create_request(exchange.request.query, std::move(body)));
    std::vector<std::string> warnings;
    BERTH_CO_CHECK(apply_create_version(request, exchange.version, warnings));
    BERTH_CO_TRY(auto created, co_await services.lifecycle().create(std::move(request)));
    created.warnings.insert(created.warnings.end(), warnings.begin(), warnings.end());
    json answer = {{"Id", created.id}, {"Warnings", created.warnings}};
    co_return co_await exchange.json(201, std::move(answer));
}

Async<Result<>> list(ContainerServices& services, Exchange& exchange) {
    BERTH_CO_TRY(auto options, list_options(exchange.request.query));
    BERTH_CO_TRY(auto text, co_await services.inspector().list(options));
    co_return co_await exchange.json_text(200, std::move(text));
}

Async<Result<>> inspect(ContainerServices& services, Exchange& exchange) {
    std::string ref = ref_of(exchange);
    container::InspectOptions options{exchange.request.query.flag("size"), exchange.version < kPlainAliases};
    BERTH_CO_TRY(auto text, co_await services.inspector().inspect(ref, options));
    co_return co_await exchange.json_text(200, std::move(text));
}

Async<Result<>> start(ContainerServices& services, Exchange& exchange) {
    std::string ref = ref_of(exchange);
    BERTH_CO_TRY(auto outcome, co_await services.lifecycle().start(ref));
    co_return co_await answer(exchange, outcome);
}

Async<Result<>> stop(ContainerServices& services, Exchange& exchange) {
    std::string ref = ref_of(exchange);
    BERTH_CO_TRY(auto options, stop_options(exchange.request.query));
    BERTH_CO_TRY(auto outcome, co_await services.lifecycle().stop(ref, options));
    co_return co_await answer(exchange, outcome);
}

Async<Result<>> restart(ContainerServices& services, Exchange& exchange) {
    std::string ref = ref_of(exchange);
    BERTH_CO_TRY(auto options, stop_options(exchange.request.query));
    BERTH_CO_CHECK(co_await services.lifecycle().restart(ref, options));
    co_return co_await exchange.empty(204);
}

Async<Result<>> kill(ContainerServices& services, Exchange& exchange) {
    std::string ref = ref_of(exchange);
    std::string signal = exchange.request.query.get("signal");
    BERTH_CO_CHECK(co_await services.lifecycle().kill(ref, signal));
    co_return co_await exchange.empty(204);
}

Async<Result<>> update(ContainerServices& services, Exchange& exchange) {
    BERTH_CO_TRY(auto body, co_await exchange.body_or_empty());
    BERTH_CO_TRY(auto changes, types::parse_host_config(body, ""));
    std::string ref = ref_of(exchange);
    BERTH_CO_TRY(auto warnings, co_await services.lifecycle().update(ref, std::move(changes)));
    json answer = {{"Warnings", warnings.empty() ? json() : json(warnings)}};
    co_return co_await exchange.json(200, std::move(answer));
}

Async<Result<>> pause(ContainerServices& services, Exchange& exchange) {
    std::string ref = ref_of(exchange);
    BERTH_CO_CHECK(co_await services.lifecycle().pause(ref));
    co_return co_await exchange.empty(204);
}

Async<Result<>> unpause(ContainerServices& services, Exchange& exchange) {
    std::string ref = ref_of(exchange);
    BERTH_CO_CHECK(co_await services.lifecycle().unpause(ref));
    co_return co_await exchange.empty(204);
}

Async<Result<>> top(ContainerServices& services, Exchange& exchange) {
    std::string ref = ref_of(exchange), arguments = exchange.request.query.get("ps_args");
    BERTH_CO_TRY(std::string text, co_await services.stats().top(ref, arguments));
    co_return co_await exchange.json_text(200, std::move(text));
}

// One object a second; one alone with stream=0, and that at once with one-shot=1.
Async<Result<>> send_stats(ContainerServices& services, Exchange& exchange, std::string id, bool stream,
                           bool at_once) {
    std::string previous;
    if (!stream && !at_once) {
        BERTH_CO_TRY(previous, co_await services.stats().sample(id, std::string()));
        BERTH_CO_CHECK(co_await async::sleep_for(std::chrono::seconds(1)));
    }
    for (;;) {
        BERTH_CO_TRY(std::string sample, co_await services.stats().sample(id, previous));
        std::string line = sample + "\n";
        BERTH_CO_CHECK(co_await exchange.responder.write(line));
        if (!stream) co_return co_await exchange.responder.end();
        previous = std::move(sample);
        BERTH_CO_CHECK(co_await async::sleep_for(std::chrono::seconds(1)));
    }
}

Async<Result<>> stats(ContainerServices& services, Exchange& exchange) {
    const auto& query = exchange.request.query;
    bool stream = !query.has("stream") || query.flag("stream");
    bool at_once = query.flag("one-shot");
    if (stream && at_once)
        co_return fail(ErrorKind::kInvalidArgument, "cannot have stream=true and one-shot=true");
    BERTH_CO_TRY(auto container, services.inspector().find(ref_of(exchange)));
    at_once = at_once || !container->state.live();
    std::string type = "application/json";
    BERTH_CO_CHECK(co_await exchange.stream(200, type));
    auto sending = send_stats(services, exchange, container->id, stream, at_once);
    auto gone = exchange.responder.client_gone();
    auto first = co_await async::race(std::move(sending), std::move(gone));
    if (first.index() == 1) co_return Result<>();
    // A stream ends with its container.
    if (!std::get<0>(first)) co_return co_await exchange.responder.end();
    co_return Result<>();
}

Async<Result<>> rename(ContainerServices& services, Exchange& exchange) {
    std::string ref = ref_of(exchange);
    std::string name = exchange.request.query.get("name");
    BERTH_CO_CHECK(co_await services.lifecycle().rename(ref, name));
    co_return co_await exchange.empty(204);
}

Async<Result<>> remove(ContainerServices& services, Exchange& exchange) {
    std::string ref = ref_of(exchange);
    const auto& query = exchange.request.query;
    container::RemoveOptions options{query.flag("force"), query.flag("v"), query.flag("link")};
    BERTH_CO_CHECK(co_await services.lifecycle().remove(ref, options));
    co_return co_await exchange.empty(204);
}

Async<Result<>> prune(ContainerServices& services, Exchange& exchange) {
    BERTH_CO_TRY(auto filters, parse_filters(exchange.request.query, kPruneFilters));
    BERTH_CO_TRY(auto pruned, co_await services.lifecycle().prune(filters));
    json answer = {{"ContainersDeleted", pruned.ids.empty() ? json() : json(pruned.ids)},
                   {"SpaceReclaimed", pruned.bytes}};
    co_return co_await exchange.json(200, std::move(answer));
}

// The head goes out at once; the exit, which may be days away, is the body.
Async<Result<>> wait(ContainerServices& services, Exchange& exchange) {
    auto condition = container::WaitCondition::kNotRunning;
    if (constexpr ApiVersion kConditions{1, 30}; exchange.version >= kConditions) {
        BERTH_CO_TRY(condition, wait_condition(exchange.request.query));
    }
    BERTH_CO_TRY(auto waiting, services.lifecycle().wait(ref_of(exchange), condition));
    std::string type = "application/json";
    BERTH_CO_CHECK(co_await exchange.stream(200, type));
    auto exit = waiting->result();
    auto gone = exchange.responder.client_gone();
    auto first = co_await async::race(std::move(exit), std::move(gone));
    if (first.index() == 1) co_return Result<>();
    auto& result = std::get<0>(first);
    if (!result) co_return Failure(std::move(result.error()));
    json body = {{"StatusCode", result->exit_code}};
    if (!result->error.empty()) body["Error"] = {{"Message", result->error}};
    std::string text = body.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
    BERTH_CO_CHECK(co_await exchange.responder.write(text));
    co_return co_await exchange.responder.end();
}

Async<Result<>> resize(ContainerServices& services, Exchange& exchange) {
    std::string ref = ref_of(exchange);
    BERTH_CO_TRY(auto size, terminal_size(exchange.request.query));
    BERTH_CO_CHECK(co_await services.streams().resize(ref, size.rows, size.columns));
    co_return co_await exchange.empty(200);
}

Async<Result<>> attach(ContainerServices& services, Exchange& exchange) {
    auto request = attach_request(exchange.request.query);
    BERTH_CO_TRY(auto container, services.streams().attachable(ref_of(exchange), request));
    BERTH_CO_TRY(auto attachment, services.streams().attach(container->id, request));
    bool multiplexed = !container->config.tty;
    BERTH_CO_TRY(auto client, co_await exchange.upgrade(multiplexed, false));
    co_return co_await attachment->run(std::move(client));
}

// The same for browsers: raw bytes in messages, of binary type since API 1.28.
Async<Result<>> attach_websocket(ContainerServices& services, Exchange& exchange) {
    auto request = attach_request(exchange.request.query);
    BERTH_CO_TRY(auto container, services.streams().attachable(ref_of(exchange), request));
    BERTH_CO_TRY(std::string head, http::websocket_head(exchange.request.headers));
    BERTH_CO_TRY(auto attachment, services.streams().attach(container->id, request));
    BERTH_CO_TRY(auto connection, co_await exchange.responder.hijack(std::move(head)));
    const bool binary = exchange.version >= kBinaryMessages;
    auto socket = http::make_websocket(
        std::move(connection), binary ? http::WebSocketPayload::kBinary : http::WebSocketPayload::kText);
    auto client = container->config.tty ? make_borrowed_stream(*socket) : make_unframed_stream(*socket);
    BERTH_CO_CHECK(co_await attachment->run(std::move(client)));
    co_return co_await socket->end();
}

class ResponseSink final : public container::LogSink {
 public:
    explicit ResponseSink(http::Responder& responder) : responder_(responder) {}
    Async<Result<>> write(std::string_view bytes) override { return responder_.write(bytes); }

 private:
    http::Responder& responder_;
};

Async<Result<>> logs(ContainerServices& services, Exchange& exchange) {
    BERTH_CO_TRY(auto request, log_request(exchange.request.query));
    BERTH_CO_TRY(auto container, services.streams().readable(ref_of(exchange)));
    bool raw = container->config.tty || exchange.version < kTypedStreams;
    std::string type =
        raw ? "application/vnd.docker.raw-stream" : "application/vnd.docker.multiplexed-stream";
    BERTH_CO_CHECK(co_await exchange.stream(200, type));
    ResponseSink sink(exchange.responder);
    auto copying = services.streams().logs(container->id, request, sink);
    auto gone = exchange.responder.client_gone();
    auto first = co_await async::race(std::move(copying), std::move(gone));
    if (first.index() == 1) co_return Result<>();
    BERTH_CO_CHECK(std::move(std::get<0>(first)));
    co_return co_await exchange.responder.end();
}

Async<Result<>> no_checkpoints(ContainerServices&, Exchange&) {
    co_return fail(
        ErrorKind::kNotImplemented,
        "This experimental feature is disabled by default. Start the Docker daemon in experimental "
        "mode in order to enable it.");
}

}  // namespace

void add_container_routes(Router& router, ContainerServices& containers) {
    using Route = Async<Result<>> (*)(ContainerServices&, Exchange&);
    auto add = [&](const char* method, const char* pattern, Route route) {
        router.add(method, pattern,
                   [&containers, route](Exchange& exchange) { return route(containers, exchange); });
    };
    add("DELETE", "/containers/{id}/checkpoints/{checkpoint}", no_checkpoints);
    add("POST", "/containers/create", create);
    add("POST", "/containers/prune", prune);
    add("GET", "/containers/json", list);
    // A name may be a link's: "web/data".
    add("GET", "/containers/{id...}/json", inspect);
    add("GET", "/containers/{id}/logs", logs);
    add("POST", "/containers/{id}/start", start);
    add("POST", "/containers/{id}/stop", stop);
    add("POST", "/containers/{id}/restart", restart);
    add("POST", "/containers/{id}/kill", kill);
    add("POST", "/containers/{id}/wait", wait);
    add("POST", "/containers/{id}/attach", attach);
    add("GET", "/containers/{id}/attach/ws", attach_websocket);
    add("POST", "/containers/{id}/resize", resize);
    add("POST", "/containers/{id}/rename", rename);
    add("DELETE", "/containers/{id...}", remove);
    add("POST", "/containers/{id}/pause", pause);
    add("POST", "/containers/{id}/unpause", unpause);
    add("GET", "/containers/{id}/top", top);
    add("GET", "/containers/{id}/stats", stats);
    add("POST", "/containers/{id}/update", update);
    add("GET", "/containers/{id}/checkpoints", no_checkpoints);
    add("POST", "/containers/{id}/checkpoints", no_checkpoints);
}

}  // namespace berth::api
