#include "cli/term/frames.h"

#include <unistd.h>

#include <algorithm>

#include "engine/base/files.h"

namespace berth::cli {

Result<> FrameWriter::write(std::string_view bytes) {
    if (raw_) return write_all(STDOUT_FILENO, bytes);
    while (!bytes.empty()) {
        if (left_ == 0) {
            header_[header_used_++] = static_cast<unsigned char>(bytes.front());
            bytes.remove_prefix(1);
            if (header_used_ < header_.size()) continue;
            header_used_ = 0;
            if (header_[0] > 3)
                return fail(ErrorKind::kInternal, "unrecognized input header: " + std::to_string(header_[0]));
            left_ = std::uint32_t{header_[4]} << 24 | std::uint32_t{header_[5]} << 16 |
                    std::uint32_t{header_[6]} << 8 | header_[7];
            continue;
        }
        std::string_view piece = bytes.substr(0, left_);
        if (header_[0] == 3)
            return fail(ErrorKind::kInternal, "error from daemon in stream: " + std::string(piece));
        BERTH_CHECK(write_all(header_[0] == 2 ? STDERR_FILENO : STDOUT_FILENO, piece));
        left_ -= static_cast<std::uint32_t>(piece.size());
        bytes.remove_prefix(piece.size());
    }
    return {};
}

}  // namespace berth::cli
