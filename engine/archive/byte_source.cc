#include "engine/archive/byte_source.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace berth::archive {

Result<> read_to_end(ByteSource& source) {
    for (;;) {
        BERTH_TRY(std::string_view piece, source.next());
        if (piece.empty()) return {};
    }
}

Result<std::string_view> FdSource::next() {
    ssize_t got = 0;
    do {
        got = ::read(fd_, buffer_.data(), buffer_.size());
    } while (got < 0 && errno == EINTR);
    if (got < 0) return fail_errno("read archive");
    return std::string_view(buffer_.data(), static_cast<std::size_t>(got));
}

Result<> GrowingSource::wait() {
    std::uint64_t message = 0;
    ssize_t got = 0;
    do {
        got = ::read(growth_, &message, sizeof message);
    } while (got < 0 && errno == EINTR);
    if (got < 0) return fail_errno("wait for the archive");
    if (got != sizeof message) return fail(ErrorKind::kCancelled, "the archive does not go on");
    there_ = message & ~kWhole;
    if ((message & kWhole) == 0) return {};
    whole_ = true;
    if (::fcntl(growth_, F_SETFL, O_NONBLOCK) != 0) return fail_errno("wait for the archive");
    return {};
}

// Nothing else comes once all has been announced, so this sees only whether anybody is there.
Result<> GrowingSource::check_peer() const {
    char byte = 0;
    if (::read(growth_, &byte, 1) == 0) return fail(ErrorKind::kCancelled, "nobody waits for the archive");
    return {};
}

Result<std::string_view> GrowingSource::next() {
    while (at_ >= there_ && !whole_) BERTH_CHECK(wait());
    if (whole_) BERTH_CHECK(check_peer());
    const auto size =
        static_cast<std::size_t>(std::min<std::uint64_t>(buffer_.size(), there_ - std::min(at_, there_)));
    ssize_t got = 0;
    do {
        got = ::read(fd_, buffer_.data(), size);
    } while (got < 0 && errno == EINTR);
    if (got < 0) return fail_errno("read archive");
    if (got == 0 && size > 0) return fail(ErrorKind::kInternal, "read archive: it is shorter than it was");
    at_ += static_cast<std::uint64_t>(got);
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
