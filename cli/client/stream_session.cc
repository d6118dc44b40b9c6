#include "cli/client/stream_session.h"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <boost/asio/signal_set.hpp>
#include <cerrno>
#include <csignal>
#include <optional>
#include <thread>

#include "cli/term/frames.h"
#include "cli/term/terminal.h"
#include "engine/async/channel.h"
#include "engine/async/spawn.h"
#include "engine/async/token.h"
#include "engine/sys/detach_keys.h"

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
    Session(Engine& engine, std::unique_ptr<async::Stream> stream, StreamSession plan)
        : engine_(engine), plan_(std::move(plan)), stream_(std::move(stream)) {}

    Async<Result<bool>> run() {
        std::string keys;
        if (plan_.tty && plan_.input) {
            BERTH_CO_TRY(keys, sys::parse_detach_keys(plan_.detach_keys));
        }
        detach_ = sys::DetachFilter(std::move(keys));
        std::optional<RawMode> raw;
        if (plan_.tty && plan_.input && is_terminal(STDIN_FILENO)) raw.emplace(STDIN_FILENO);
        if (plan_.tty) co_await resize();
        if (plan_.input) {
            input_.start();
            async::spawn(engine_.io(), copy_input());
        }
        if (!plan_.kill_path.empty() || plan_.tty) async::spawn(engine_.io(), pass_signals());
        BERTH_CO_CHECK(co_await copy_output());
        co_return detach_.detached();
    }

 private:
    Async<void> resize() {
        auto size = terminal_size(STDOUT_FILENO);
        if (!size) co_return;
        // The process may have ended already; the size does not matter then.
        auto asking = simple_request(
            engine_, "POST", fmt::format("{}?h={}&w={}", plan_.resize_path, size->rows, size->columns));
        (void)co_await std::move(asking);
    }

    Async<void> copy_input() {
        while (true) {
            auto piece = co_await input_.pieces().receive();
            if (!piece || !*piece) break;
            (void)detach_.pass(**piece);
            auto written = co_await stream_->write_all(**piece);
            if (!written) co_return;
        }
        stream_->shutdown_write();
    }

    Async<void> pass_signals() {
        if (plan_.tty) signals_.add(SIGWINCH);
        if (!plan_.kill_path.empty()) {
            for (int signal : {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2}) signals_.add(signal);
        }
        while (true) {
            auto [error, signal] = co_await signals_.async_wait(async::kToken);
            if (error) co_return;
            if (signal == SIGWINCH) {
                co_await resize();
                continue;
            }
            auto asking =
                simple_request(engine_, "POST", fmt::format("{}?signal={}", plan_.kill_path, signal));
            (void)co_await std::move(asking);
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
    StreamSession plan_;
    std::unique_ptr<async::Stream> stream_;
    StandardInput input_{engine_.io()};
    sys::DetachFilter detach_{std::string()};  // only watches: the engine acts on the keys
    boost::asio::signal_set signals_{engine_.io()};
};

}  // namespace

Async<Result<std::unique_ptr<async::Stream>>> open_stream(Engine& engine, std::string path,
                                                          std::string json_body) {
    http::ClientRequest request;
    request.method = "POST";
    request.target = engine.versioned(path);
    request.headers.set("Connection", "Upgrade");
    request.headers.set("Upgrade", "tcp");
    if (!json_body.empty()) request.headers.set("Content-Type", "application/json");
    request.body = std::move(json_body);
    auto upgraded = co_await engine.client().upgrade(std::move(request));
    if (!upgraded) {
        Error error = std::move(upgraded.error());
        bool answered = error.sys_errno == 0 && error.kind != ErrorKind::kUnavailable;
        if (answered) co_return Failure(std::move(error).in("Error response from daemon"));
        co_return Failure(engine.unreachable(std::move(error)));
    }
    co_return std::move(upgraded->stream);
}

Async<Result<std::string>> simple_request(Engine& engine, std::string method, std::string path) {
    http::ClientRequest request;
    request.method = std::move(method);
    request.target = engine.versioned(path);
    auto response = co_await engine.client().request(std::move(request));
    if (!response) co_return Failure(engine.unreachable(std::move(response.error())));
    BERTH_CO_TRY(std::string body, co_await response->body->read_all(64 << 20));
    if (response->status >= 400) co_return Failure(Engine::refused(response->status, body));
    co_return body;
}

Async<Result<bool>> run_streams(Engine& engine, std::unique_ptr<async::Stream> stream, StreamSession plan) {
    // Never destroyed: its input thread may still be reading when the program ends.
    auto* session = new Session(engine, std::move(stream), std::move(plan));
    co_return co_await session->run();
}

}  // namespace berth::cli
