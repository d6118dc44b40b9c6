#include "engine/http/websocket.h"

#include <openssl/sha.h>
#include <strings.h>

#include <algorithm>
#include <array>

#include "engine/base/base64.h"

//  0      1        2 .. 9          +4       …
//  FIN|op MASK|len longer length   mask     payload     (the server's frames are not masked)
namespace berth::http {

namespace {

constexpr std::string_view kGuid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
constexpr std::size_t kMostControl = 125;

enum Opcode : unsigned char { kContinuation = 0, kText = 1, kBinary = 2, kClose = 8, kPing = 9, kPong = 10 };

std::string frame_head(Opcode opcode, std::size_t size) {
    std::string head(1, static_cast<char>(0x80 | opcode));
    if (size < 126) {
        head += static_cast<char>(size);
    } else if (size <= 0xffff) {
        head += static_cast<char>(126);
        head += static_cast<char>(size >> 8);
        head += static_cast<char>(size);
    } else {
        head += static_cast<char>(127);
        for (int shift = 56; shift >= 0; shift -= 8) head += static_cast<char>(std::uint64_t{size} >> shift);
    }
    return head;
}

class Connection final : public WebSocket {
 public:
    Connection(std::unique_ptr<async::Stream> connection, Opcode opcode)
        : connection_(std::move(connection)), opcode_(opcode) {}

    Async<Result<std::size_t>> read_some(std::span<char> buffer) override;
    Async<Result<>> write_all(std::string_view bytes) override;
    Async<Result<>> end() override;
    void shutdown_write() override {}
    void close() override { connection_->close(); }

 private:
    struct Header {
        Opcode opcode{};
        std::uint64_t size = 0;
    };
    Async<Result<>> read_exactly(std::span<char> into);
    Async<Result<Header>> read_header();
    Async<Result<>> take_control(Header header);
    Async<Result<>> send(Opcode opcode, std::string payload);
    void unmask(std::span<char> bytes);

    std::unique_ptr<async::Stream> connection_;
    Opcode opcode_;
    std::uint64_t left_ = 0;  // of the message's frame that is being read
    std::array<char, 4> mask_{};
    std::size_t mask_at_ = 0;
    bool ended_ = false, closing_ = false, writing_ = false;
    std::string waiting_;  // control frames while something else is written
};

void Connection::unmask(std::span<char> bytes) {
    for (char& byte : bytes) byte = static_cast<char>(byte ^ mask_[mask_at_++ % mask_.size()]);
}

Async<Result<>> Connection::read_exactly(std::span<char> into) {
    while (!into.empty()) {
        BERTH_CO_TRY(std::size_t got, co_await connection_->read_some(into));
        if (got == 0) co_return fail(ErrorKind::kCancelled, "the client closed the connection");
        into = into.subspan(got);
    }
    co_return Result<>();
}

Async<Result<Connection::Header>> Connection::read_header() {
    std::array<char, 8> bytes{};
    std::span<char> first(bytes.data(), 2);
    BERTH_CO_CHECK(co_await read_exactly(first));
    const auto flags = static_cast<unsigned char>(bytes[0]);
    const auto length = static_cast<unsigned char>(bytes[1]);
    if ((flags & 0x70) != 0 || (length & 0x80) == 0)
        co_return fail(ErrorKind::kInvalidArgument, "malformed WebSocket frame");
    Header header{static_cast<Opcode>(flags & 0x0f), length & 0x7fU};
    if (header.size >= 126) {
        std::span<char> longer(bytes.data(), header.size == 126 ? 2 : 8);
        BERTH_CO_CHECK(co_await read_exactly(longer));
        header.size = 0;
        for (char byte : longer) header.size = header.size << 8 | static_cast<unsigned char>(byte);
    }
    std::span<char> mask(mask_);
    BERTH_CO_CHECK(co_await read_exactly(mask));
    mask_at_ = 0;
    co_return header;
}

Async<Result<>> Connection::take_control(Header header) {
    if (header.size > kMostControl)
        co_return fail(ErrorKind::kInvalidArgument, "a WebSocket control frame is too long");
    std::string payload(header.size, '\0');
    std::span<char> whole(payload);
    BERTH_CO_CHECK(co_await read_exactly(whole));
    unmask(whole);
    if (header.opcode == kPing) co_return co_await send(kPong, std::move(payload));
    if (header.opcode != kClose) co_return Result<>();
    ended_ = true;
    co_return co_await end();
}

Async<Result<std::size_t>> Connection::read_some(std::span<char> buffer) {
    while (left_ == 0) {
        if (ended_) co_return std::size_t{0};
        auto header = co_await read_header();
        if (!header && header.error().kind == ErrorKind::kCancelled) ended_ = true;
        if (ended_) continue;
        if (!header) co_return Failure(std::move(header.error()));
        if (header->opcode >= kClose) {
            BERTH_CO_CHECK(co_await take_control(*header));
        } else {
            left_ = header->size;
        }
    }
    buffer = buffer.first(std::min<std::uint64_t>(buffer.size(), left_));
    BERTH_CO_TRY(std::size_t got, co_await connection_->read_some(buffer));
    if (got == 0) {
        ended_ = true;
        left_ = 0;
        co_return std::size_t{0};
    }
    unmask(buffer.first(got));
    left_ -= got;
    co_return got;
}

// A pong may fall due while a message is written: one write at a time, so it waits for the end of that.
Async<Result<>> Connection::send(Opcode opcode, std::string payload) {
    std::string frame = frame_head(opcode, payload.size()) + payload;
    if (writing_) {
        waiting_ += frame;
        co_return Result<>();
    }
    writing_ = true;
    auto sent = co_await connection_->write_all(frame);
    while (sent && !waiting_.empty()) {
        std::string more = std::exchange(waiting_, "");
        sent = co_await connection_->write_all(more);
    }
    writing_ = false;
    co_return sent;
}

Async<Result<>> Connection::write_all(std::string_view bytes) {
    if (closing_) co_return fail(ErrorKind::kCancelled, "the WebSocket is closed");
    std::string payload(bytes);
    co_return co_await send(opcode_, std::move(payload));
}

Async<Result<>> Connection::end() {
    if (std::exchange(closing_, true)) co_return Result<>();
    std::string normal = "\x03\xe8";  // 1000
    co_return co_await send(kClose, std::move(normal));
}

}  // namespace

Result<std::string> websocket_head(const Headers& request) {
    const std::string upgrade(request.get("Upgrade")), key(request.get("Sec-WebSocket-Key"));
    if (::strcasecmp(upgrade.c_str(), "websocket") != 0 || key.empty() ||
        request.get("Sec-WebSocket-Version") != "13") {
        return fail(ErrorKind::kInvalidArgument, "not websocket protocol");
    }
    const std::string text = key + std::string(kGuid);
    std::array<unsigned char, SHA_DIGEST_LENGTH> hash{};
    ::SHA1(reinterpret_cast<const unsigned char*>(text.data()), text.size(), hash.data());
    std::string head = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n";
    head += "Sec-WebSocket-Accept: " +
            to_base64(std::string_view(reinterpret_cast<const char*>(hash.data()), hash.size())) + "\r\n";
    const std::string protocol(request.get("Sec-WebSocket-Protocol"));
    if (!protocol.empty() && protocol.find(',') == protocol.npos)
        head += "Sec-WebSocket-Protocol: " + protocol + "\r\n";
    return head + "\r\n";
}

std::unique_ptr<WebSocket> make_websocket(std::unique_ptr<async::Stream> connection,
                                          WebSocketPayload payload) {
    return std::make_unique<Connection>(std::move(connection),
                                        payload == WebSocketPayload::kText ? kText : kBinary);
}

}  // namespace berth::http
