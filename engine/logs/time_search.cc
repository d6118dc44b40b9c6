#include "engine/logs/time_search.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string>

namespace berth::logs {

namespace {

constexpr std::size_t kBlock = 64 << 10;
// A record longer than this, with its attributes, is looked for no further: the search is coarser then.
constexpr std::size_t kLongest = 1 << 20;

struct Found {
    std::uint64_t offset = 0;
    Timestamp time{};
};

// The first whole record at or after `offset`; what begins in the middle of one is passed over.
Result<std::optional<Found>> record_after(int fd, const Codec& codec, std::uint64_t offset) {
    std::string bytes;
    Record record;
    std::size_t at = 0;
    while (bytes.size() < kLongest) {
        const std::size_t before = bytes.size();
        bytes.resize(before + kBlock);
        const ssize_t got = ::pread(fd, bytes.data() + before, kBlock, static_cast<off_t>(offset + before));
        bytes.resize(before + static_cast<std::size_t>(got > 0 ? got : 0));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return fail_errno("read log");
        if (got == 0) break;
        for (;;) {
            const Taken taken = codec.take(std::string_view(bytes).substr(at), record);
            if (taken.size == 0) break;
            if (taken.good) return std::optional(Found{offset + at, record.time});
            at += taken.size;
        }
    }
    return std::optional<Found>();
}

}  // namespace

Result<std::optional<Timestamp>> first_time(int fd, const Codec& codec) {
    BERTH_TRY(const auto found, record_after(fd, codec, 0));
    return found ? std::optional(found->time) : std::nullopt;
}

Result<std::uint64_t> find_since(int fd, const Codec& codec, Timestamp since) {
    struct stat status{};
    if (::fstat(fd, &status) != 0) return fail_errno("stat log");
    // Before `low` all are older; at `high`, or before its next record, none is.
    std::uint64_t low = 0, high = static_cast<std::uint64_t>(status.st_size);
    while (high - low > kBlock) {
        const std::uint64_t middle = low + (high - low) / 2;
        BERTH_TRY(const auto found, record_after(fd, codec, middle));
        if (found && found->time < since && found->offset < high) {
            low = found->offset;
        } else {
            high = middle;
        }
    }
    return low;
}

}  // namespace berth::logs
