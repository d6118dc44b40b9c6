#include "engine/daemon/plugin_exchange.h"

#include <future>
#include <memory>
#include <nlohmann/json.hpp>

#include "engine/async/race.h"
#include "engine/async/spawn.h"
#include "engine/http/client.h"

namespace berth::daemon {

namespace {

constexpr std::size_t kMaxAnswer = 16 << 20;
constexpr const char* kMediaType = "application/vnd.docker.plugins.v1.2+json";

// The text of a refusal: {"Err":"…"} or as it comes.
std::string refusal_of(const std::string& body) {
    const auto parsed = nlohmann::json::parse(body, nullptr, false);
    if (parsed.is_object() && parsed.contains("Err") && parsed["Err"].is_string())
        return parsed["Err"].get<std::string>();
    return body;
}

Async<Result<std::string>> ask(IoContext& io, volumes::PluginRequest request) {
    BERTH_CO_TRY(auto endpoint, http::Endpoint::parse(request.address));
    const bool local = endpoint.kind == http::Endpoint::Kind::kUnix;
    http::ClientOptions options;
    options.deadline = request.deadline;
    http::Client client(io, std::move(endpoint), options);
    http::ClientRequest outgoing;
    outgoing.method = "POST";
    outgoing.target = "/" + request.method;
    outgoing.headers.set("Accept", kMediaType);
    outgoing.headers.set("Content-Type", kMediaType);
    if (local) outgoing.headers.set("Host", "plugin.moby.localhost");
    outgoing.body = std::move(request.body);
    auto answer = co_await client.request(std::move(outgoing));
    if (!answer) co_return in(request.method, Result<std::string>(Failure(std::move(answer.error()))));
    auto body = co_await answer->body->read_all(kMaxAnswer);
    if (!body) co_return in(request.method, std::move(body));
    if (answer->status == 200) co_return std::move(*body);
    const auto kind = answer->status == 404 ? ErrorKind::kNotFound : ErrorKind::kInternal;
    co_return fail(kind, request.method + ": " + refusal_of(*body));
}

using Promise = std::shared_ptr<std::promise<Result<std::string>>>;

Async<void> answer_to(IoContext& io, volumes::PluginRequest request, Promise done) {
    const auto deadline = request.deadline;
    const std::string what = "plugin call " + request.method;
    auto asking = ask(io, std::move(request));
    auto answer = co_await async::with_deadline(deadline, what, std::move(asking));
    done->set_value(std::move(answer));
}

}  // namespace

volumes::PluginCall make_plugin_call(IoContext& io) {
    return [&io](volumes::PluginRequest request) -> Result<std::string> {
        auto done = std::make_shared<std::promise<Result<std::string>>>();
        auto answer = done->get_future();
        // Past the deadline of the call itself: the loop may have been stopped.
        const auto patience = request.deadline + std::chrono::seconds(5);
        async::post(io, [&io, request, done] { async::spawn(io, answer_to(io, request, done)); });
        if (answer.wait_for(patience) != std::future_status::ready)
            return fail(ErrorKind::kDeadlineExceeded, request.method + ": the plugin does not answer");
        return answer.get();
    };
}

}  // namespace berth::daemon
