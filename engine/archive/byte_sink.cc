#include "engine/archive/byte_sink.h"

#include <poll.h>
#include <sys/sendfile.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <string>

namespace berth::archive {

namespace {
constexpr std::size_t kPiece = 256 << 10;
}  // namespace

Result<> FdSink::wait() {
    pollfd ready{fd_, POLLOUT, 0};
    if (::poll(&ready, 1, -1) < 0 && errno != EINTR) return fail_errno("poll");
    return {};
}

Result<> FdSink::put(std::string_view bytes) {
    while (!bytes.empty()) {
        ssize_t written = ::write(fd_, bytes.data(), bytes.size());
        if (written < 0 && errno == EINTR) continue;
        if (written < 0 && errno == EAGAIN) {
            BERTH_CHECK(wait());
            continue;
        }
        if (written < 0) return fail_errno("write");
        bytes.remove_prefix(static_cast<std::size_t>(written));
    }
    return {};
}

Result<> FdSink::send(int file_fd, std::uint64_t size) {
    BERTH_TRY(std::uint64_t done, send_some(file_fd, size));
    // Not every file system can, and some only at first.
    BERTH_TRY(std::uint64_t copied, copy_some(file_fd, size - done));
    static const std::string kZeros(kPiece, '\0');
    for (done += copied; done < size;) {
        std::uint64_t piece = std::min<std::uint64_t>(size - done, kZeros.size());
        BERTH_CHECK(put(std::string_view(kZeros).substr(0, piece)));
        done += piece;
    }
    return {};
}

Result<std::uint64_t> FdSink::send_some(int file_fd, std::uint64_t size) {
    std::uint64_t done = 0;
    while (done < size) {
        ssize_t sent = ::sendfile(fd_, file_fd, nullptr, std::min<std::uint64_t>(size - done, 1 << 30));
        if (sent < 0 && errno == EINTR) continue;
        if (sent < 0 && errno == EAGAIN) {
            BERTH_CHECK(wait());
            continue;
        }
        if (sent < 0 && (errno == EINVAL || errno == ENOSYS)) break;
        if (sent < 0) return fail_errno("write");
        if (sent == 0) break;
        done += static_cast<std::uint64_t>(sent);
    }
    return done;
}

Result<std::uint64_t> FdSink::copy_some(int file_fd, std::uint64_t size) {
    std::string buffer;
    std::uint64_t done = 0;
    while (done < size) {
        buffer.resize(std::min<std::uint64_t>(size - done, kPiece));
        ssize_t got = ::read(file_fd, buffer.data(), buffer.size());
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return fail_errno("read");
        if (got == 0) break;
        BERTH_CHECK(put({buffer.data(), static_cast<std::size_t>(got)}));
        done += static_cast<std::uint64_t>(got);
    }
    return done;
}

Result<> ChunkedSink::open_chunk(std::uint64_t size) {
    char head[20];
    char* end = std::to_chars(head, head + 16, size, 16).ptr;
    *end++ = '\r';
    *end++ = '\n';
    return below_.put({head, static_cast<std::size_t>(end - head)});
}

Result<> ChunkedSink::put(std::string_view bytes) {
    // An empty chunk would be the last one.
    if (bytes.empty()) return {};
    BERTH_CHECK(open_chunk(bytes.size()));
    BERTH_CHECK(below_.put(bytes));
    return below_.put("\r\n");
}

Result<> ChunkedSink::send(int file_fd, std::uint64_t size) {
    if (size == 0) return {};
    BERTH_CHECK(open_chunk(size));
    BERTH_CHECK(below_.send(file_fd, size));
    return below_.put("\r\n");
}

Result<> ChunkedSink::finish() {
    return below_.put("0\r\n\r\n");
}

}  // namespace berth::archive
