#include "engine/logs/tail.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>

namespace berth::logs {

namespace {
constexpr std::uint64_t kBlock = 32 * 1024;
}

Result<TailPosition> find_tail(int fd, std::uint64_t lines) {
    struct stat status{};
    if (::fstat(fd, &status) != 0) return fail_errno("stat log");
    std::uint64_t end = static_cast<std::uint64_t>(status.st_size), newlines = 0;
    std::string block;
    while (end > 0) {
        std::uint64_t begin = end - std::min(end, kBlock);
        block.resize(end - begin);
        ssize_t got = ::pread(fd, block.data(), block.size(), static_cast<off_t>(begin));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return fail_errno("read log");
        block.resize(static_cast<std::size_t>(got));
        for (auto at = block.rfind('\n'); at != std::string::npos; at = block.rfind('\n', at - 1)) {
            // The newline before the first wanted line ends the search.
            if (newlines++ == lines) return TailPosition{begin + at + 1, lines};
            if (at == 0) break;
        }
        end = begin;
    }
    return TailPosition{0, newlines};
}

}  // namespace berth::logs
