#include "engine/plugins/plugin_call.h"

#include <algorithm>
#include <future>
#include <memory>
#include <nlohmann/json.hpp>

#include "engine/async/race.h"
#include "engine/async/spawn.h"
#include "engine/base/log.h"
#include "engine/http/client.h"

namespace berth::plugins {

namespace {

constexpr std::size_t kMaxAnswer = 16 << 20;
constexpr const char* kMediaType = "application/vnd.docker.plugins.v1.2+json";
constexpr auto kFirstPause = std::chrono::seconds(1), kLastPause = std::chrono::seconds(8);

// The text of a refusal: {"Err":"…"} or as it comes.
std::string refusal_of(const std::string& body) {
    const auto parsed = nlohmann::json::parse(body, nullptr, false);
    if (parsed.is_object() && parsed.contains("Err") && parsed["Err"].is_string())
        return parsed["Err"].get<std::string>();
    return body;
}

// A plugin that nobody could talk to has no `answer`.
struct Reply {
    bool reached = false;
    Result<std::string> answer;
};

Async<Result<Reply>> ask(IoContext& io, PluginRequest request) {
    BERTH_CO_TRY(auto endpoint, http::Endpoint::parse(request.address.url));
    const bool local = endpoint.kind == http::Endpoint::Kind::kUnix;
    http::ClientOptions options;
    options.deadline = request.deadline;
    options.tls = request.address.tls;
    http::Client client(io, std::move(endpoint), options);
    http::ClientRequest outgoing;
    outgoing.method = "POST";
    outgoing.target = "/" + request.method;
    outgoing.headers.set("Accept", kMediaType);
    outgoing.headers.set("Content-Type", kMediaType);
    if (local) outgoing.headers.set("Host", "plugin.moby.localhost");
    outgoing.body = std::move(request.body);
    auto answer = co_await client.request(std::move(outgoing));
    if (!answer)
        co_return Reply{false, in(request.method, Result<std::string>(Failure(std::move(answer.error()))))};
    auto body = co_await answer->body->read_all(kMaxAnswer);
    if (!body) co_return Reply{true, in(request.method, std::move(body))};
    if (answer->status == 200) co_return Reply{true, std::move(body)};
    const auto kind = answer->status == 404 ? ErrorKind::kNotFound : ErrorKind::kInternal;
    co_return Reply{true, fail(kind, request.method + ": " + refusal_of(*body))};
}

Async<Result<Reply>> ask_in_time(IoContext& io, PluginRequest request) {
    const auto deadline = request.deadline;
    const std::string what = "plugin call " + request.method;
    auto asking = ask(io, std::move(request));
    co_return co_await async::with_deadline(deadline, what, std::move(asking));
}

using Promise = std::shared_ptr<std::promise<Result<std::string>>>;

Async<void> answer_to(IoContext& io, PluginRequest request, Promise done) {
    auto answer = co_await call_plugin(io, std::move(request));
    done->set_value(std::move(answer));
}

}  // namespace

Async<Result<std::string>> call_plugin(IoContext& io, PluginRequest request) {
    BERTH_CO_TRY(auto reply, co_await ask_in_time(io, std::move(request)));
    co_return std::move(reply.answer);
}

Async<Result<std::string>> call_plugin_patiently(IoContext& io, PluginRequest request) {
    for (auto pause = kFirstPause;; pause *= 2) {
        auto asking = ask_in_time(io, request);
        BERTH_CO_TRY(auto reply, co_await std::move(asking));
        if (reply.reached || pause > kLastPause) co_return std::move(reply.answer);
        log::warning("cannot reach a plugin, trying again",
                     {{"address", request.address.url}, {"error", reply.answer.error().message}});
        BERTH_CO_CHECK(co_await async::sleep_for(pause));
    }
}

PluginCall make_plugin_call(IoContext& io) {
    return [&io](PluginRequest request) -> Result<std::string> {
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

Result<> check_manifest(const std::string& answer, const std::string& name, const std::string& kind) {
    const auto manifest = nlohmann::json::parse(answer, nullptr, false);
    if (!manifest.is_object())
        return fail(ErrorKind::kInternal, "Plugin.Activate: the plugin's answer is no JSON object");
    const auto kinds = manifest.find("Implements");
    if (kinds != manifest.end() && kinds->is_array() &&
        std::find(kinds->begin(), kinds->end(), kind) != kinds->end())
        return {};
    return fail(ErrorKind::kNotFound, "Plugin does not implement the requested driver: plugin=\"" + name +
                                          "\", requested implementation=\"" + kind + "\"");
}

}  // namespace berth::plugins
