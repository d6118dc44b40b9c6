#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "cli/commands/system.h"
#include "engine/async/socket_stream.h"
#include "engine/async/spawn.h"
#include "engine/base/files.h"
#include "engine/http/client.h"

namespace berth::cli {

namespace {

constexpr std::size_t kPiece = 64 << 10;

Async<Result<UniqueFd>> dial(IoContext& io, http::Endpoint endpoint) {
    if (endpoint.kind == http::Endpoint::Kind::kUnix)
        co_return co_await async::connect_unix(io, std::move(endpoint.path));
    if (endpoint.kind == http::Endpoint::Kind::kTls)
        co_return fail(ErrorKind::kNotImplemented, "dial-stdio over https is not supported");
    co_return co_await async::connect_tcp(io, std::move(endpoint.host), endpoint.port);
}

Result<> write_everything(int fd, std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t written = ::write(fd, bytes.data(), bytes.size());
        if (written < 0 && errno == EAGAIN) {
            pollfd room{fd, POLLOUT, 0};
            ::poll(&room, 1, -1);
            continue;
        }
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return fail_errno("write");
        bytes.remove_prefix(static_cast<std::size_t>(written));
    }
    return {};
}

// Some bytes from one side to the other; false at the end of the first.
Result<bool> carry(int from, int to) {
    char buffer[kPiece];
    const ssize_t got = ::read(from, buffer, sizeof buffer);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return true;
    if (got < 0) return fail_errno("read");
    if (got == 0) return false;
    BERTH_CHECK(write_everything(to, std::string_view(buffer, static_cast<std::size_t>(got))));
    return true;
}

// Until the engine has ended its side. The end of our input is passed on: it is half a close.
Result<> relay(int engine) {
    pollfd sides[2] = {{STDIN_FILENO, POLLIN, 0}, {engine, POLLIN, 0}};
    for (;;) {
        if (::poll(sides, 2, -1) < 0 && errno != EINTR) return fail_errno("poll");
        if (sides[0].revents != 0) {
            BERTH_TRY(const bool more, carry(STDIN_FILENO, engine));
            if (!more) {
                sides[0].fd = -1;
                ::shutdown(engine, SHUT_WR);
            }
        }
        if (sides[1].revents == 0) continue;
        BERTH_TRY(const bool more, carry(engine, STDOUT_FILENO));
        if (!more) return {};
    }
}

}  // namespace

// What `docker -H ssh://…` starts at the other end.
int dial_stdio_command(Invocation& invocation, const Arguments& arguments) {
    Flags flags("system dial-stdio", "Proxy the stdio stream to the daemon connection");
    Arguments none;
    int status = 0;
    if (!invocation.parse(flags, arguments, 0, 0, none, status)) return status;
    auto endpoint = http::Endpoint::parse(invocation.settings().host);
    if (!endpoint) return invocation.failed(endpoint.error());
    IoContext io(1);
    auto dialled = async::block_on(io, dial(io, std::move(*endpoint)));
    if (!dialled)
        return invocation.failed(in("failed to open the raw stream connection", std::move(dialled)).error());
    auto done = relay(dialled->get());
    return done ? 0 : invocation.failed(done.error());
}

}  // namespace berth::cli
