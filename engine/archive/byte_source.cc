#include "engine/archive/byte_source.h"

#include <unistd.h>

#include <cerrno>

namespace berth::archive {

Result<std::string_view> FdSource::next() {
    ssize_t got = 0;
    do {
        got = ::read(fd_, buffer_.data(), buffer_.size());
    } while (got < 0 && errno == EINTR);
    if (got < 0) return fail_errno("read archive");
    return std::string_view(buffer_.data(), static_cast<std::size_t>(got));
}

Result<std::string_view> HashingSource::next() {
    BERTH_TRY(std::string_view piece, inner_.next());
    hash_.update(piece);
    bytes_ += piece.size();
    return piece;
}

Result<Digest> HashingSource::finish() {
    while (true) {
        BERTH_TRY(std::string_view piece, next());
        if (piece.empty()) return hash_.finish();
    }
}

}  // namespace berth::archive
