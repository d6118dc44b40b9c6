#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <boost/asio/posix/stream_descriptor.hpp>

#include "engine/async/socket_stream.h"
#include "engine/async/spawn.h"
#include "engine/async/token.h"
#include "engine/base/log.h"

namespace berth::async {

namespace asio = boost::asio;

struct Listener::Impl {
    Impl(IoContext& io, int fd) : socket(io, fd) {}
    asio::posix::stream_descriptor socket;

    static Async<Result<UniqueFd>> accept(std::shared_ptr<Impl> impl);
};

Listener::Listener(IoContext& io, UniqueFd listening)
    : impl_(std::make_shared<Impl>(io, listening.release())) {
    boost::system::error_code ignored;
    impl_->socket.non_blocking(true, ignored);
}

Listener::~Listener() {
    close();
}

void Listener::close() {
    boost::system::error_code ignored;
    if (impl_->socket.is_open()) impl_->socket.close(ignored);
}

Async<Result<UniqueFd>> Listener::accept() {
    return Impl::accept(impl_);
}

namespace {

bool out_of_resources(int err) {
    return err == EMFILE || err == ENFILE || err == ENOBUFS || err == ENOMEM;
}

void no_delay(int fd) {
    const int on = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on,
                 sizeof on);  // fails on a unix socket, where it means nothing
}

}  // namespace

Async<Result<UniqueFd>> Listener::Impl::accept(std::shared_ptr<Impl> impl) {
    for (;;) {
        if (!impl->socket.is_open()) co_return fail(ErrorKind::kCancelled, "accept: closed");
        int fd = ::accept4(impl->socket.native_handle(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
        const int err = errno;
        if (fd >= 0) {
            no_delay(fd);
            co_return UniqueFd(fd);
        }
        if (err == EAGAIN) {
            bool gone = co_await cancelled();
            if (gone) co_return fail(ErrorKind::kCancelled, "accept: cancelled");
            auto [error] =
                co_await impl->socket.async_wait(asio::posix::stream_descriptor::wait_read, kToken);
            if (error) co_return failure("accept", error);
        } else if (out_of_resources(err)) {
            log::warning("cannot accept a connection",
                         {{"error", fail_errno("accept", err).value().message}});
            BERTH_CO_CHECK(co_await sleep_for(std::chrono::milliseconds(200)));
        } else if (err != EINTR && err != ECONNABORTED) {
            co_return fail_errno("accept", err);
        }
    }
}

}  // namespace berth::async
