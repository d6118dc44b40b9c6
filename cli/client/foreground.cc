#include "cli/client/foreground.h"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <boost/asio/signal_set.hpp>
#include <cerrno>
#include <csignal>
#include <thread>

#include "cli/term/frames.h"
#include "cli/term/terminal.h"
#include "engine/async/channel.h"
#include "engine/async/spawn.h"
#include "engine/async/token.h"
#include "engine/http/url.h"

namespace berth::cli {

namespace {

// Standard input as a channel: a file cannot be polled, so a thread reads it. The thread ends with the
// process.
class StandardInput {
 public:
    explicit StandardInput(IoContext& io) : io_(io), pieces_(io, 1024) {}

    void start() {
        std::thread([this] { read(); }).detach();
    }
    async::Channel<std::string>& pieces() { return pieces_; }

 private:
    void read() {
        std::array<char, 1 << 15> buffer;
        while (true) {
            ssize_t got = ::read(STDIN_FILENO, buffer.data(), buffer.size());
            if (got < 0 && errno == EINTR) continue;
            if (got <= 0) break;
            async::post(io_,
                        [this, piece = std::string(buffer.data(), static_cast<std::size_t>(got))]() mutable {
                            pieces_.try_send(std::move(piece));
                        });
        }
        async::post(io_, [this] { pieces_.close(); });
    }

    IoContext& io_;
    async::Channel<std::string> pieces_;
};

class Session {
 public:
    Session(Engine& engine, Foreground plan) : engine_(engine), plan_(std::move(plan)) {}

    Async<Result<std::optional<int>>> run() {
        BERTH_CO_TRY(stream_, co_await attach());
        std::optional<http::ClientResponse> waiting;
        if (plan_.start || plan_.remove) {
            BERTH_CO_TRY(waiting, co_await wait(plan_.remove ? "removed" : "next-exit"));
        }
        if (plan_.start)
            BERTH_CO_CHECK(co_await simple("POST", fmt::format("/containers/{}/start", plan_.id)));
        std::optional<RawMode> raw;
        if (plan_.tty && plan_.input && is_terminal(STDIN_FILENO)) raw.emplace(STDIN_FILENO);
        if (plan_.tty) co_await resize();
        start_helpers();
        BERTH_CO_CHECK(co_await copy_output());
        raw.reset();
        if (!waiting) {
            // Attached to what was running: its end has a code, a detach has none.
            auto state = co_await simple("GET", fmt::format("/containers/{}/json", plan_.id));
            if (state) {
                Json inspected = Json::parse(*state, nullptr, false);
                if (inspected.value(Json::json_pointer("/State/Running"), false))
                    co_return std::optional<int>();
            }
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
        http::ClientRequest request;
        request.method = "POST";
        std::string query = "stream=1";
        if (plan_.input) query += "&stdin=1";
        if (plan_.output) query += "&stdout=1";
        if (plan_.error) query += "&stderr=1";
        if (!plan_.detach_keys.empty()) query += "&detachKeys=" + http::encode_form(plan_.detach_keys);
        request.target = engine_.versioned(fmt::format("/containers/{}/attach?{}", plan_.id, query));
        request.headers.set("Connection", "Upgrade");
        request.headers.set("Upgrade", "tcp");
        auto upgraded = co_await engine_.client().upgrade(std::move(request));
        if (!upgraded) {
            Error error = std::move(upgraded.error());
            bool answered = error.sys_errno == 0 && error.kind != ErrorKind::kUnavailable;
            if (answered) co_return Failure(std::move(error).in("Error response from daemon"));
            co_return Failure(engine_.unreachable(std::move(error)));
        }
        co_return std::move(upgraded->stream);
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

    Async<Result<std::string>> simple(std::string method, std::string target) {
        http::ClientRequest request;
        request.method = std::move(method);
        request.target = engine_.versioned(target);
        auto response = co_await engine_.client().request(std::move(request));
        if (!response) co_return Failure(engine_.unreachable(std::move(response.error())));
        BERTH_CO_TRY(std::string body, co_await response->body->read_all(64 << 20));
        if (response->status >= 400) co_return Failure(Engine::refused(response->status, body));
        co_return body;
    }

    Async<void> resize() {
        auto size = terminal_size(STDOUT_FILENO);
        if (!size) co_return;
        // The container may have ended already; the size does not matter then.
        (void)co_await simple(
            "POST", fmt::format("/containers/{}/resize?h={}&w={}", plan_.id, size->rows, size->columns));
    }

    void start_helpers() {
        if (plan_.input) {
            input_.start();
            async::spawn(engine_.io(), copy_input());
        }
        if (plan_.proxy_signals || plan_.tty) async::spawn(engine_.io(), pass_signals());
    }

    Async<void> copy_input() {
        while (true) {
            auto piece = co_await input_.pieces().receive();
            if (!piece || !*piece) break;
            auto written = co_await stream_->write_all(**piece);
            if (!written) co_return;
        }
        stream_->shutdown_write();
    }

    Async<void> pass_signals() {
        if (plan_.tty) signals_.add(SIGWINCH);
        if (plan_.proxy_signals) {
            for (int signal : {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2}) signals_.add(signal);
        }
        while (true) {
            auto [error, signal] = co_await signals_.async_wait(async::kToken);
            if (error) co_return;
            if (signal == SIGWINCH) {
                co_await resize();
                continue;
            }
            (void)co_await simple("POST", fmt::format("/containers/{}/kill?signal={}", plan_.id, signal));
        }
    }

    Async<Result<>> copy_output() {
        FrameWriter writer(plan_.tty);
        std::array<char, 1 << 15> buffer;
        while (true) {
            auto got = co_await stream_->read_some(buffer);
            // A connection that breaks after the exit says no more than its end does.
            if (!got || *got == 0) co_return Result<>();
            BERTH_CO_CHECK(writer.write({buffer.data(), *got}));
        }
    }

    Engine& engine_;
    Foreground plan_;
    std::unique_ptr<async::Stream> stream_;
    StandardInput input_{engine_.io()};
    boost::asio::signal_set signals_{engine_.io()};
};

}  // namespace

Result<std::optional<int>> run_foreground(Engine& engine, Foreground plan) {
    // Never destroyed: its input thread may still be reading when the program ends.
    auto* session = new Session(engine, std::move(plan));
    return async::block_on(engine.io(), session->run());
}

}  // namespace berth::cli
