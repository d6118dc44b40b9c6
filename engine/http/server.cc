#include "engine/http/server.h"

#include <sys/stat.h>
#include <unistd.h>

#include <list>
#include <set>

#include "engine/async/gate.h"
#include "engine/async/race.h"
#include "engine/async/socket_stream.h"
#include "engine/async/spawn.h"
#include "engine/base/log.h"
#include "engine/base/unique_fd.h"
#include "engine/http/connection.h"
#include "engine/http/tls_server.h"

namespace berth::http {

namespace {

constexpr auto kHandshakeDeadline = std::chrono::seconds(10);

// A socket file of ours, removed on the way out if it is still the one we made.
struct SocketFile {
    std::string path;
    dev_t device;
    ino_t inode;
};

}  // namespace

struct Server::Impl : std::enable_shared_from_this<Impl> {
    Impl(IoContext& io, Handler handler) : io(io), handler(std::move(handler)), tasks(io) {}

    IoContext& io;
    Handler handler;
    async::Gate tasks;
    std::list<async::Listener> listeners;
    std::set<Connection*> connections;
    std::list<SocketFile> files;
    bool draining = false;

    using Tls = std::shared_ptr<const TlsServer>;
    void listen(UniqueFd socket, Tls tls = {});
    static Async<void> accept_all(std::shared_ptr<Impl> impl, async::Listener* listener, Tls tls);
    static Async<void> serve(std::shared_ptr<Impl> impl, AcceptedClient client);
    static Async<void> serve_tls(std::shared_ptr<Impl> impl, std::unique_ptr<async::Stream> stream, Tls tls);
    static Async<Result<>> wait_for_end(std::shared_ptr<Impl> impl);
    static Async<void> drain(std::shared_ptr<Impl> impl, unsigned deadline_seconds);
};

Server::Server(IoContext& io, Handler handler) : impl_(std::make_shared<Impl>(io, std::move(handler))) {}

Server::~Server() {
    for (auto& listener : impl_->listeners) listener.close();
}

void Server::Impl::listen(UniqueFd socket, Tls tls) {
    listeners.emplace_back(io, std::move(socket));
    tasks.spawn(accept_all(shared_from_this(), &listeners.back(), std::move(tls)));
}

Async<void> Server::Impl::accept_all(std::shared_ptr<Impl> impl, async::Listener* listener, Tls tls) {
    for (;;) {
        auto socket = co_await listener->accept();
        if (!socket) {
            if (socket.error().kind != ErrorKind::kCancelled) {
                log::error("no longer listening", {{"error", socket.error().message}});
            }
            co_return;
        }
        if (impl->draining) co_return;
        auto stream = async::make_socket_stream(impl->io, std::move(*socket));
        auto served =
            tls ? serve_tls(impl, std::move(stream), tls) : serve(impl, {std::move(stream), nullptr});
        impl->tasks.spawn(std::move(served));
    }
}

Async<void> Server::Impl::serve_tls(std::shared_ptr<Impl> impl, std::unique_ptr<async::Stream> stream,
                                    Tls tls) {
    auto handshake = tls->accept(std::move(stream));
    auto accepted = co_await async::with_deadline(kHandshakeDeadline, "TLS handshake", std::move(handshake));
    if (accepted) {
        co_await serve(impl, std::move(*accepted));
    } else {
        log::debug("a client did not get in", {{"error", accepted.error().message}});
    }
}

Async<void> Server::Impl::serve(std::shared_ptr<Impl> impl, AcceptedClient client) {
    Connection connection(impl->io, std::move(client), impl->handler);
    impl->connections.insert(&connection);
    try {
        co_await connection.serve();
    } catch (const std::exception& broken) {
        log::error("connection ended by an exception", {{"error", broken.what()}});
    }
    impl->connections.erase(&connection);
}

Result<> Server::listen_unix(const std::string& path, unsigned mode, int gid) {
    BERTH_TRY(auto socket, async::listen_unix(path, mode, gid));
    struct stat made;
    if (::lstat(path.c_str(), &made) == 0) impl_->files.push_back({path, made.st_dev, made.st_ino});
    impl_->listen(std::move(socket));
    return {};
}

Result<unsigned short> Server::listen_tcp(const std::string& address, std::shared_ptr<const TlsServer> tls) {
    BERTH_TRY(auto socket, async::listen_tcp(address));
    BERTH_TRY(auto port, async::local_port(socket.get()));
    impl_->listen(std::move(socket), std::move(tls));
    return port;
}

Result<> Server::listen_fd(UniqueFd socket, std::shared_ptr<const TlsServer> tls) {
    impl_->listen(std::move(socket), std::move(tls));
    return {};
}

Async<void> Server::drain(unsigned deadline_seconds) {
    return Impl::drain(impl_, deadline_seconds);
}

Async<Result<>> Server::Impl::wait_for_end(std::shared_ptr<Impl> impl) {
    while (impl->tasks.inside() > 0) {
        BERTH_CO_CHECK(co_await async::sleep_for(std::chrono::milliseconds(5)));
    }
    co_return Result<>();
}

Async<void> Server::Impl::drain(std::shared_ptr<Impl> impl, unsigned deadline_seconds) {
    impl->draining = true;
    for (auto& listener : impl->listeners) listener.close();
    for (const auto& file : impl->files) {
        struct stat found;
        const bool ours = ::lstat(file.path.c_str(), &found) == 0 && found.st_dev == file.device &&
                          found.st_ino == file.inode;
        if (ours) ::unlink(file.path.c_str());
    }
    for (Connection* connection : impl->connections) connection->finish();
    auto waiting = wait_for_end(impl);
    auto limit = std::chrono::seconds(deadline_seconds);
    auto ended = co_await async::with_deadline(limit, "drain", std::move(waiting));
    if (!ended) {
        for (Connection* connection : impl->connections) connection->close();
        impl->tasks.cancel();
    }
    co_await impl->tasks.close();
}

}  // namespace berth::http
