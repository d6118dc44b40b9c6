#include "engine/http/dial.h"

#include <fmt/format.h>

#include "engine/async/socket_stream.h"
#include "engine/http/parser.h"
#include "engine/http/prefixed_stream.h"
#include "engine/http/tls_stream.h"

namespace berth::http {

namespace {

using StreamPtr = std::unique_ptr<async::Stream>;

constexpr std::size_t kReadSize = 4 << 10;

std::string bracketed(const std::string& host) {
    return host.find(':') == std::string::npos ? host : "[" + host + "]";
}

Async<Result<StreamPtr>> dial_tcp(IoContext& io, std::string host, unsigned short port) {
    BERTH_CO_TRY(auto socket, co_await async::connect_tcp(io, std::move(host), port));
    co_return async::make_socket_stream(io, std::move(socket));
}

// Asks a proxy for a tunnel.
Async<Result<StreamPtr>> tunnel(StreamPtr stream, Endpoint target, std::string authorization) {
    const std::string where = fmt::format("{}:{}", bracketed(target.host), target.port);
    std::string out = fmt::format("CONNECT {0} HTTP/1.1\r\nHost: {0}\r\n", where);
    if (!authorization.empty()) out += "Proxy-Authorization: " + authorization + "\r\n";
    out += "\r\n";
    BERTH_CO_CHECK(co_await stream->write_all(out));
    Parser parser(Parser::Kind::kResponse);
    parser.expect_no_body();
    std::string buffer;
    for (;;) {
        BERTH_CO_TRY(bool complete, parser.parse_head(buffer));
        if (complete) break;
        const auto before = buffer.size();
        buffer.resize(before + kReadSize);
        auto room = std::span<char>(buffer.data() + before, kReadSize);
        auto size = co_await stream->read_some(room);
        buffer.resize(before + (size ? *size : 0));
        if (!size) co_return Failure(std::move(size.error()));
        if (*size == 0) co_return fail(ErrorKind::kUnavailable, "proxyconnect tcp: EOF");
    }
    if (parser.status != 200)
        co_return fail(ErrorKind::kUnavailable,
                       fmt::format("proxyconnect tcp: {} {}", parser.status, parser.reason));
    co_return make_prefixed_stream(std::move(buffer), std::move(stream));
}

}  // namespace

std::string authority_of(const Endpoint& endpoint) {
    if (endpoint.kind == Endpoint::Kind::kUnix) return "localhost";
    const bool usual = endpoint.port == (endpoint.kind == Endpoint::Kind::kTls ? 443 : 80);
    return usual ? bracketed(endpoint.host) : fmt::format("{}:{}", bracketed(endpoint.host), endpoint.port);
}

Async<Result<StreamPtr>> dial(IoContext& io, Endpoint endpoint, ClientOptions options) {
    if (endpoint.kind == Endpoint::Kind::kUnix) {
        BERTH_CO_TRY(auto socket, co_await async::connect_unix(io, endpoint.path));
        co_return async::make_socket_stream(io, std::move(socket));
    }
    const Endpoint first = options.proxy ? options.proxy->endpoint : endpoint;
    auto dialled = co_await dial_tcp(io, first.host, first.port);
    if (!dialled && options.proxy) co_return in("proxyconnect tcp", std::move(dialled));
    if (!dialled) co_return dialled;
    StreamPtr stream = std::move(*dialled);
    if (options.proxy && first.kind == Endpoint::Kind::kTls) {
        BERTH_CO_TRY(stream, co_await connect_tls(std::move(stream), first.host, nullptr));
    }
    if (endpoint.kind != Endpoint::Kind::kTls) co_return std::move(stream);
    if (options.proxy) {
        BERTH_CO_TRY(stream, co_await tunnel(std::move(stream), endpoint, options.proxy->authorization));
    }
    co_return co_await connect_tls(std::move(stream), endpoint.host, std::move(options.tls));
}

}  // namespace berth::http
