#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "engine/archive/byte_source.h"

namespace berth::archive {

// The body of an HTTP message, read from its socket (blocking or not) to its own end and not to the
// socket's: of known length, or in chunked coding (RFC 9112, 7.1). kInvalidArgument, "unexpected EOF", if the
// peer ends before that. Does not own the socket.
class SocketBody : public ByteSource {
 public:
    // `early`: what was read of it with the message's head. Without `length` it is chunked.
    SocketBody(int socket, std::string early, std::optional<std::uint64_t> length);
    Result<std::string_view> next() override;
    // How much has been read beyond the end, once that has been reached.
    std::size_t beyond() const { return end_ - begin_; }

 private:
    Result<> fill();
    Result<std::string_view> line();
    Result<> open_chunk();
    std::string_view take();

    int socket_;
    bool chunked_;
    bool ended_ = false, first_ = true;
    std::uint64_t left_ = 0;  // of the body, or of the present chunk
    std::string buffer_;
    std::size_t begin_ = 0, end_;  // of what is in it and not taken
};

}  // namespace berth::archive
