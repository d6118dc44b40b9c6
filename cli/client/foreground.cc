#include "cli/client/foreground.h"

#include <fmt/format.h>

#include "cli/client/stream_session.h"
#include "engine/async/spawn.h"
#include "engine/http/url.h"

namespace berth::cli {

namespace {

class Session {
 public:
    Session(Engine& engine, Foreground plan) : engine_(engine), plan_(std::move(plan)) {}

    Async<Result<std::optional<int>>> run() {
        BERTH_CO_TRY(auto stream, co_await attach());
        std::optional<http::ClientResponse> waiting;
        if (plan_.start || plan_.remove) {
            BERTH_CO_TRY(waiting, co_await wait(plan_.remove ? "removed" : "next-exit"));
        }
        if (plan_.start) {
            auto started = simple_request(engine_, "POST", fmt::format("/containers/{}/start", plan_.id));
            BERTH_CO_CHECK(co_await std::move(started));
        }
        std::string own = fmt::format("/containers/{}/", plan_.id);
        StreamSession session{.tty = plan_.tty,
                              .input = plan_.input,
                              .detach_keys = plan_.detach_keys,
                              .resize_path = own + "resize",
                              .kill_path = plan_.proxy_signals ? own + "kill" : ""};
        BERTH_CO_TRY(bool detached, co_await run_streams(engine_, std::move(stream), std::move(session)));
        if (detached) co_return std::optional<int>();
        if (!waiting) {
            BERTH_CO_TRY(waiting, co_await wait("not-running"));
        }
        BERTH_CO_TRY(std::string body, co_await waiting->body->read_all(1 << 16));
        Json answer = Json::parse(body, nullptr, false);
        if (!answer.is_object()) co_return fail(ErrorKind::kInternal, "error waiting for container: " + body);
        if (answer.contains("Error") && answer["Error"].is_object()) {
            co_return fail(ErrorKind::kInternal, text_of(answer["Error"], "Message"));
        }
        co_return std::optional<int>(static_cast<int>(number_of(answer, "StatusCode")));
    }

 private:
    Async<Result<std::unique_ptr<async::Stream>>> attach() {
        std::string query = "stream=1";
        if (plan_.input) query += "&stdin=1";
        if (plan_.output) query += "&stdout=1";
        if (plan_.error) query += "&stderr=1";
        if (!plan_.detach_keys.empty()) query += "&detachKeys=" + http::encode_form(plan_.detach_keys);
        std::string path = fmt::format("/containers/{}/attach?{}", plan_.id, query);
        co_return co_await open_stream(engine_, std::move(path), std::string());
    }

    Async<Result<http::ClientResponse>> wait(std::string condition) {
        http::ClientRequest request;
        request.method = "POST";
        request.target =
            engine_.versioned(fmt::format("/containers/{}/wait?condition={}", plan_.id, condition));
        auto response = co_await engine_.client().request(std::move(request));
        if (!response) co_return Failure(engine_.unreachable(std::move(response.error())));
        if (response->status >= 400) {
            BERTH_CO_TRY(std::string body, co_await response->body->read_all(1 << 20));
            co_return Failure(Engine::refused(response->status, body));
        }
        co_return std::move(*response);
    }

    Engine& engine_;
    Foreground plan_;
};

}  // namespace

Result<std::optional<int>> run_foreground(Engine& engine, Foreground plan) {
    Session session(engine, std::move(plan));
    return async::block_on(engine.io(), session.run());
}

}  // namespace berth::cli
