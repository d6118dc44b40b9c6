#include "engine/http/connection.h"

#include <fmt/format.h>
#include <strings.h>

#include "engine/async/race.h"
#include "engine/async/spawn.h"
#include "engine/base/log.h"
#include "engine/http/exchange.h"
#include "engine/http/parser.h"
#include "engine/http/status.h"
#include "engine/http/url.h"

namespace berth::http {

namespace {

constexpr auto kHeadDeadline = std::chrono::seconds(10);
constexpr auto kLinger = std::chrono::milliseconds(500);
constexpr std::size_t kReadSize = 16 << 10;
constexpr std::size_t kLingerLimit = 1 << 20;

// The path of "/path?query", "http://host/path" and "*".
std::string_view path_of(std::string_view target) {
    if (auto scheme = target.find("://"); scheme != std::string_view::npos && target.front() != '/') {
        auto slash = target.find('/', scheme + 3);
        target = slash == std::string_view::npos ? std::string_view("/") : target.substr(slash);
    }
    return target.substr(0, target.find('?'));
}

std::string_view query_of(std::string_view target) {
    auto mark = target.find('?');
    return mark == std::string_view::npos ? std::string_view() : target.substr(mark + 1);
}

}  // namespace

Connection::Connection(IoContext& io, AcceptedClient client, const Handler& handler)
    : io_(io), stream_(std::move(client.stream)), peer_(std::move(client.peer)), handler_(handler) {}

Connection::~Connection() = default;

void Connection::finish() {
    finishing_ = true;
    if (idle_) close();
}

void Connection::close() {
    if (stream_) stream_->close();
}

Async<Result<std::size_t>> Connection::fill() {
    const std::size_t before = buffer_.size();
    buffer_.resize(before + kReadSize);
    auto target = std::span<char>(buffer_.data() + before, kReadSize);
    auto size = co_await stream_->read_some(target);
    buffer_.resize(before + (size ? *size : 0));
    if (size && *size == 0) peer_ended_ = true;
    co_return size;
}

// false: the client has ended the connection between two requests.
Async<Result<bool>> Connection::next_head() {
    for (;;) {
        BERTH_CO_TRY(bool complete, parser_->parse_head(buffer_));
        if (complete) co_return true;
        const bool between = buffer_.empty();
        if (peer_ended_) {
            if (between) co_return false;
            co_return fail(ErrorKind::kCancelled, "unexpected EOF");
        }
        BERTH_CO_CHECK(co_await fill());
        idle_ = false;
        if (between && !buffer_.empty()) {
            // The clock runs from a request's first byte: an idle connection costs nobody anything.
            BERTH_CO_TRY(complete, parser_->parse_head(buffer_));
            if (complete) co_return true;
            auto rest = async::with_deadline(kHeadDeadline, "request header", next_head());
            co_return co_await std::move(rest);
        }
    }
}

Async<void> Connection::serve() {
    for (bool more = true; more && !finishing_;) {
        idle_ = buffer_.empty();
        parser_ = std::make_unique<Parser>(Parser::Kind::kRequest);
        auto head = co_await next_head();
        idle_ = false;
        if (!head && head.error().kind == ErrorKind::kInvalidArgument) {
            auto status = static_cast<unsigned>(head.error().sys_errno);
            co_await refuse(status, fmt::format("{} {}", status, status_text(status)));
            co_return;
        }
        if (!head || !*head) break;
        more = co_await answer();
    }
    close();
}

Async<void> Connection::refuse(unsigned status, std::string text) {
    std::string out = fmt::format(
        "HTTP/1.1 {} {}\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n{}", status,
        status_text(status), text);
    auto sent = co_await stream_->write_all(out);
    if (sent) co_await linger();
    close();
}

namespace {

Async<Result<>> read_away(async::Stream& stream) {
    std::string buffer(kReadSize, '\0');
    for (std::size_t total = 0; total < kLingerLimit;) {
        BERTH_CO_TRY(std::size_t size, co_await stream.read_some(buffer));
        if (size == 0) break;
        total += size;
    }
    co_return Result<>();
}

}  // namespace

// A close with unread bytes makes the kernel send a reset, which can overtake the answer.
Async<void> Connection::linger() {
    stream_->shutdown_write();
    auto reading = read_away(*stream_);
    auto ignored = co_await async::with_deadline(kLinger, "linger", std::move(reading));
    (void)ignored;
}

// Returns whether another request may follow.
Async<bool> Connection::answer() {
    const auto hosts = parser_->headers.all("Host").size();
    auto path = decode_path(path_of(parser_->target));
    if (!path || hosts > 1 || (hosts == 0 && parser_->minor_version >= 1)) {
        co_await refuse(400,
                        hosts == 0 ? "400 Bad Request: missing required Host header" : "400 Bad Request");
        co_return false;
    }
    auto expect = parser_->headers.get("Expect");
    if (!expect.empty() && ::strcasecmp(std::string(expect).c_str(), "100-continue") != 0) {
        co_await refuse(417, "417 Expectation Failed");
        co_return false;
    }
    Exchange exchange(*this);
    Request request{parser_->method,
                    parser_->target,
                    std::move(*path),
                    Query::parse(query_of(parser_->target)),
                    parser_->headers,
                    &exchange,
                    peer_};
    try {
        co_await handler_(request, exchange);
    } catch (const std::exception& broken) {
        log::error("request ended by an exception",
                   {{"method", request.method}, {"path", request.path}, {"error", broken.what()}});
        close();
        co_return false;
    }
    if (exchange.hijacked()) co_return false;
    bool more = co_await exchange.reusable();
    if (more) co_return !peer_ended_ || !buffer_.empty();
    if (exchange.complete() && !parser_->done() && !peer_ended_) co_await linger();
    co_return false;
}

}  // namespace berth::http
