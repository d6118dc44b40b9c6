#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "engine/base/result.h"

namespace berth::cli {

// Undoes Docker's stream framing: 8 bytes {stream, 0, 0, 0, length big-endian}, then the payload. Feed it
// bytes as they come; the payloads among them have gone to stdout and stderr, in their order and with few
// writes, when it returns. Stream 3 is an error of the engine.
class FrameWriter {
 public:
    // `raw`: a terminal's stream has no frames, everything is stdout.
    explicit FrameWriter(bool raw) : raw_(raw) {}
    Result<> write(std::string_view bytes);

 private:
    Result<> take(std::string_view bytes);
    Result<> flush();

    bool raw_;
    std::array<unsigned char, 8> header_{};
    std::size_t header_used_ = 0;
    std::uint32_t left_ = 0;
    std::string pending_;  // payloads for fd_
    int fd_ = 1;
};

}  // namespace berth::cli
