#include "engine/async/socket_stream.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <boost/asio/buffer.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/write.hpp>

#include "engine/async/spawn.h"
#include "engine/async/token.h"

namespace berth::async {

namespace asio = boost::asio;

namespace {

using Protocol = asio::generic::stream_protocol;

class SocketStream : public Stream {
 public:
    explicit SocketStream(Protocol::socket socket) : socket_(std::move(socket)) {}
    ~SocketStream() override { close(); }

    Async<Result<std::size_t>> read_some(std::span<char> buffer) override {
        bool gone = co_await cancelled();
        if (gone || !socket_.is_open()) co_return fail(ErrorKind::kCancelled, "read: cancelled");
        auto target = asio::buffer(buffer.data(), buffer.size());
        auto [error, size] = co_await socket_.async_read_some(target, kToken);
        if (error == asio::error::eof) co_return std::size_t{0};
        if (error) co_return failure("read", error);
        co_return size;
    }

    Async<Result<>> write_all(std::string_view bytes) override {
        bool gone = co_await cancelled();
        if (gone || !socket_.is_open()) co_return fail(ErrorKind::kCancelled, "write: cancelled");
        auto source = asio::buffer(bytes.data(), bytes.size());
        auto [error, size] = co_await asio::async_write(socket_, source, kToken);
        if (error == asio::error::broken_pipe || error == asio::error::connection_reset) {
            co_return fail(ErrorKind::kCancelled, "write: the peer has closed the connection");
        }
        if (error) co_return failure("write", error);
        co_return Result<>();
    }

    void shutdown_write() override {
        if (socket_.is_open()) ::shutdown(socket_.native_handle(), SHUT_WR);
    }

    void close() override {
        boost::system::error_code ignored;
        if (socket_.is_open()) socket_.close(ignored);
    }

    UniqueFd share_socket() override {
        return UniqueFd(socket_.is_open() ? ::fcntl(socket_.native_handle(), F_DUPFD_CLOEXEC, 0) : -1);
    }

 private:
    Protocol::socket socket_;
};

}  // namespace

std::unique_ptr<Stream> make_socket_stream(IoContext& io, UniqueFd socket) {
    int domain = AF_UNIX;
    socklen_t size = sizeof domain;
    ::getsockopt(socket.get(), SOL_SOCKET, SO_DOMAIN, &domain, &size);
    Protocol::socket owned(io);
    owned.assign(Protocol(domain, 0), socket.release());
    boost::system::error_code ignored;
    owned.native_non_blocking(true, ignored);
    return std::make_unique<SocketStream>(std::move(owned));
}

}  // namespace berth::async
