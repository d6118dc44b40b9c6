#include "cli/term/frames.h"

#include <unistd.h>

#include <algorithm>

#include "engine/base/files.h"

namespace berth::cli {

Result<> FrameWriter::write(std::string_view bytes) {
    if (raw_) return write_all(STDOUT_FILENO, bytes);
    auto taken = take(bytes);
    auto written = flush();
    return taken ? written : taken;
}

Result<> FrameWriter::take(std::string_view bytes) {
    while (!bytes.empty()) {
        if (left_ == 0) {
            const std::size_t size = std::min(header_.size() - header_used_, bytes.size());
            std::copy_n(bytes.begin(), size, header_.begin() + static_cast<std::ptrdiff_t>(header_used_));
            bytes.remove_prefix(size);
            header_used_ += size;
            if (header_used_ < header_.size()) return {};
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
        const int fd = header_[0] == 2 ? STDERR_FILENO : STDOUT_FILENO;
        if (fd != fd_) BERTH_CHECK(flush());
        fd_ = fd;
        pending_ += piece;
        left_ -= static_cast<std::uint32_t>(piece.size());
        bytes.remove_prefix(piece.size());
    }
    return {};
}

Result<> FrameWriter::flush() {
    auto written = write_all(fd_, pending_);
    pending_.clear();
    return written;
}

}  // namespace berth::cli
