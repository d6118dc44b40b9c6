#include <sys/socket.h>
#include <sys/un.h>
#include <boost/asio/connect.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/ip/tcp.hpp>

#include "engine/async/socket_stream.h"
#include "engine/async/spawn.h"
#include "engine/async/token.h"
#include "engine/async/unix_address.h"

namespace berth::async {

namespace asio = boost::asio;

Async<Result<UniqueFd>> connect_unix(IoContext& io, std::string path) {
    bool gone = co_await cancelled();
    if (gone) co_return fail(ErrorKind::kCancelled, "connect: cancelled");
    BERTH_CO_TRY(auto address, UnixAddress::of(path));
    asio::generic::stream_protocol protocol(AF_UNIX, 0);
    asio::generic::stream_protocol::socket socket(io, protocol);
    asio::generic::stream_protocol::endpoint peer(&address.name, address.size);
    auto [error] = co_await socket.async_connect(peer, kToken);
    if (error) co_return failure("dial unix " + path, error);
    co_return UniqueFd(socket.release());
}

Async<Result<UniqueFd>> connect_tcp(IoContext& io, std::string host, unsigned short port) {
    bool gone = co_await cancelled();
    if (gone) co_return fail(ErrorKind::kCancelled, "connect: cancelled");
    const std::string where = "dial tcp " + host + ":" + std::to_string(port);
    asio::ip::tcp::resolver resolver(io);
    const std::string service = std::to_string(port);
    auto [unresolved, found] = co_await resolver.async_resolve(host, service, kToken);
    if (unresolved) {
        if (unresolved == asio::error::operation_aborted) co_return failure(where, unresolved);
        co_return fail(ErrorKind::kUnavailable, "dial tcp: lookup " + host + ": no such host");
    }
    asio::ip::tcp::socket socket(io);
    auto [error, endpoint] = co_await asio::async_connect(socket, found, kToken);
    if (error) co_return failure(where + ": connect", error);
    boost::system::error_code ignored;
    socket.set_option(asio::ip::tcp::no_delay(true), ignored);
    co_return UniqueFd(socket.release());
}

}  // namespace berth::async
