#include "engine/http/exchange.h"

#include <fmt/format.h>
#include <strings.h>

#include <cstring>
#include <ctime>

#include "engine/async/spawn.h"
#include "engine/http/prefixed_stream.h"
#include "engine/http/status.h"

namespace berth::http {

namespace {

// What a client may still send of a body that nobody read, before the connection is closed instead.
constexpr std::size_t kDrainLimit = 256 << 10;
// Bytes that a client may send ahead while its request is being answered.
constexpr std::size_t kAheadLimit = 64 << 10;

// RFC 9110's date, made once a second.
const std::string& http_date() {
    static std::time_t made_at = -1;
    static std::string text;
    const std::time_t now = std::time(nullptr);
    if (now != made_at) {
        std::tm parts;
        ::gmtime_r(&now, &parts);
        char buffer[40];
        std::strftime(buffer, sizeof buffer, "%a, %d %b %Y %H:%M:%S GMT", &parts);
        text = buffer;
        made_at = now;
    }
    return text;
}

bool bodiless(unsigned status) {
    return status < 200 || status == 204 || status == 304;
}

}  // namespace

Exchange::Exchange(Connection& connection)
    : connection_(connection),
      parser_(*connection.parser_),
      is_head_(parser_.method == "HEAD"),
      keep_alive_(parser_.keep_alive()),
      continue_wanted_(parser_.minor_version >= 1 && parser_.headers.has("Expect") && !parser_.done()) {}

std::string Exchange::head(unsigned status, const Headers& headers, std::string_view framing) const {
    std::string out = fmt::format("HTTP/1.{} {} {}\r\n", parser_.minor_version, status, status_text(status));
    for (const auto& [name, value] : headers.fields())
        fmt::format_to(std::back_inserter(out), "{}: {}\r\n", name, value);
    fmt::format_to(std::back_inserter(out), "Date: {}\r\n{}", http_date(), framing);
    const bool keep = keep_alive_ && !connection_.finishing_ && raw_ == raw_finished_;
    if (!keep) {
        out += "Connection: close\r\n";
    } else if (parser_.minor_version == 0) {
        out += "Connection: keep-alive\r\n";
    }
    out += "\r\n";
    return out;
}

Async<Result<>> Exchange::send(unsigned status, Headers headers, std::string body) {
    if (started()) throw std::logic_error("http: a second response");
    state_ = State::kDone;
    std::string framing;
    if (!bodiless(status)) framing = fmt::format("Content-Length: {}\r\n", body.size());
    std::string out = head(status, headers, framing);
    if (!is_head_ && !bodiless(status)) out += body;
    auto sent = co_await connection_.stream_->write_all(out);
    if (!sent) keep_alive_ = false;
    co_return sent;
}

Async<Result<>> Exchange::begin(unsigned status, Headers headers) {
    if (started()) throw std::logic_error("http: a second response");
    state_ = State::kStreaming;
    chunked_ = parser_.minor_version >= 1;
    if (!chunked_) keep_alive_ = false;
    std::string out = head(status, headers, chunked_ ? "Transfer-Encoding: chunked\r\n" : "");
    auto sent = co_await connection_.stream_->write_all(out);
    if (!sent) keep_alive_ = false;
    co_return sent;
}

Async<Result<>> Exchange::write(std::string_view bytes) {
    if (state_ != State::kStreaming) throw std::logic_error("http: write outside of a stream");
    if (bytes.empty() || is_head_) co_return Result<>();
    auto writing = chunked_ ? write_chunk(bytes) : connection_.stream_->write_all(bytes);
    auto sent = co_await std::move(writing);
    if (!sent) keep_alive_ = false;
    co_return sent;
}

// A small one in one piece; many bytes are rather written thrice than copied once.
Async<Result<>> Exchange::write_chunk(std::string_view bytes) {
    constexpr std::size_t kSmall = 16 << 10;
    std::string head = fmt::format("{:x}\r\n", bytes.size());
    if (bytes.size() <= kSmall) {
        head.append(bytes).append("\r\n");
        co_return co_await connection_.stream_->write_all(head);
    }
    BERTH_CO_CHECK(co_await connection_.stream_->write_all(head));
    BERTH_CO_CHECK(co_await connection_.stream_->write_all(bytes));
    co_return co_await connection_.stream_->write_all("\r\n");
}

Async<Result<>> Exchange::end() {
    if (state_ != State::kStreaming) throw std::logic_error("http: end outside of a stream");
    state_ = State::kDone;
    if (!chunked_ || is_head_) co_return Result<>();
    auto sent = co_await connection_.stream_->write_all("0\r\n\r\n");
    if (!sent) keep_alive_ = false;
    co_return sent;
}

UniqueFd Exchange::chunk_socket() {
    const bool chunks = state_ == State::kStreaming && chunked_ && !is_head_;
    return chunks ? connection_.stream_->share_socket() : UniqueFd();
}

Async<Result<std::unique_ptr<async::Stream>>> Exchange::hijack(std::string head) {
    if (started()) throw std::logic_error("http: a second response");
    std::string rest(4096, '\0');
    for (std::size_t drained = 0; !parser_.done();) {
        BERTH_CO_TRY(std::size_t size, co_await read_some(rest));
        drained += size;
        if (drained > kDrainLimit)
            co_return fail(ErrorKind::kInvalidArgument, "http: request body too large");
    }
    auto sent = co_await connection_.stream_->write_all(head);
    state_ = State::kHijacked;
    if (!sent) co_return Failure(std::move(sent.error()));
    co_return make_prefixed_stream(std::move(connection_.buffer_), std::move(connection_.stream_),
                                   connection_.peer_ended_);
}

Async<void> Exchange::client_gone() {
    for (;;) {
        bool cancelled = co_await async::cancelled();
        if (cancelled || connection_.peer_ended_) co_return;
        if (connection_.buffer_.size() >= kAheadLimit) {
            // Whether it is still there can no longer be seen; a failing write will tell.
            co_await async::sleep_for(std::chrono::hours(24));
            continue;
        }
        auto size = co_await connection_.fill();
        if (!size && size.error().kind != ErrorKind::kCancelled) connection_.peer_ended_ = true;
    }
}

Async<Result<std::size_t>> Exchange::read_some(std::span<char> buffer) {
    while (body_.empty()) {
        BERTH_CO_TRY(bool ended, parser_.parse_body(connection_.buffer_, body_));
        if (!body_.empty()) break;
        if (ended) co_return std::size_t{0};
        if (continue_wanted_ && !started()) {
            continue_wanted_ = false;
            BERTH_CO_CHECK(co_await connection_.stream_->write_all("HTTP/1.1 100 Continue\r\n\r\n"));
        }
        BERTH_CO_TRY(std::size_t size, co_await connection_.fill());
        if (size == 0) co_return fail(ErrorKind::kCancelled, "unexpected EOF");
    }
    const std::size_t size = std::min(buffer.size(), body_.size());
    std::memcpy(buffer.data(), body_.data(), size);
    body_.erase(0, size);
    co_return size;
}

std::optional<BodyReader::Raw> Exchange::take_raw() {
    if (parser_.done() || continue_wanted_ || !body_.empty()) return std::nullopt;
    UniqueFd socket = connection_.stream_->share_socket();
    if (!socket) return std::nullopt;
    raw_ = true;
    return Raw{std::move(socket), std::move(connection_.buffer_), parser_.rest()};
}

void Exchange::raw_finished() {
    raw_finished_ = true;
}

Async<bool> Exchange::reusable() {
    if (!keep_alive_ || !complete()) co_return false;
    if (raw_) co_return raw_finished_;
    if (continue_wanted_) co_return false;
    std::size_t drained = body_.size();
    body_.clear();
    std::string rest(4096, '\0');
    while (!parser_.done()) {
        auto size = co_await read_some(rest);
        if (!size) co_return false;
        drained += *size;
        if (drained > kDrainLimit) co_return false;
    }
    co_return true;
}

}  // namespace berth::http
