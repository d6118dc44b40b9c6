#include "engine/archive/socket_body.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>

namespace berth::archive {

namespace {

constexpr std::size_t kBuffer = 256 << 10;
// Of a chunk's head with its extensions, or of a trailer.
constexpr std::size_t kMaxLine = 4 << 10;

Failure malformed() {
    return fail(ErrorKind::kInvalidArgument, "malformed chunked encoding");
}

}  // namespace

SocketBody::SocketBody(int socket, std::string early, std::optional<std::uint64_t> length)
    : socket_(socket),
      chunked_(!length),
      left_(length.value_or(0)),
      buffer_(std::move(early)),
      end_(buffer_.size()) {
    buffer_.resize(std::max(kBuffer, buffer_.size()));
}

Result<> SocketBody::fill() {
    if (begin_ == end_) begin_ = end_ = 0;
    if (end_ == buffer_.size()) {
        std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
        end_ -= begin_;
        begin_ = 0;
    }
    for (;;) {
        ssize_t got = ::read(socket_, buffer_.data() + end_, buffer_.size() - end_);
        if (got > 0) {
            end_ += static_cast<std::size_t>(got);
            return {};
        }
        if (got == 0 || errno == ECONNRESET) return fail(ErrorKind::kInvalidArgument, "unexpected EOF");
        if (errno == EINTR) continue;
        if (errno != EAGAIN) return fail_errno("read");
        pollfd ready{socket_, POLLIN, 0};
        if (::poll(&ready, 1, -1) < 0 && errno != EINTR) return fail_errno("poll");
    }
}

// Without its end; good until the next fill().
Result<std::string_view> SocketBody::line() {
    for (;;) {
        std::string_view there(buffer_.data() + begin_, end_ - begin_);
        auto end = there.find('\n');
        if (end != there.npos) {
            begin_ += end + 1;
            there = there.substr(0, end);
            if (there.ends_with('\r')) there.remove_suffix(1);
            return there;
        }
        if (there.size() > kMaxLine) return malformed();
        BERTH_CHECK(fill());
    }
}

Result<> SocketBody::open_chunk() {
    if (!first_) {
        BERTH_TRY(std::string_view end, line());
        if (!end.empty()) return malformed();
    }
    first_ = false;
    BERTH_TRY(std::string_view head, line());
    auto [end, wrong] = std::from_chars(head.data(), head.data() + head.size(), left_, 16);
    bool alone = end == head.data() + head.size() || *end == ';' || *end == ' ' || *end == '\t';
    if (wrong != std::errc() || !alone) return malformed();
    if (left_ != 0) return {};
    for (std::string_view trailer = head; !trailer.empty();) {
        BERTH_TRY(trailer, line());
    }
    ended_ = true;
    return {};
}

std::string_view SocketBody::take() {
    auto size = static_cast<std::size_t>(std::min<std::uint64_t>(left_, end_ - begin_));
    std::string_view out(buffer_.data() + begin_, size);
    begin_ += size;
    left_ -= size;
    return out;
}

Result<std::string_view> SocketBody::next() {
    if (left_ == 0 && chunked_ && !ended_) BERTH_CHECK(open_chunk());
    if (left_ == 0) return std::string_view();
    if (begin_ == end_) BERTH_CHECK(fill());
    return take();
}

}  // namespace berth::archive
