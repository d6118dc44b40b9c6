#pragma once

#include <string>
#include <string_view>

#include "engine/archive/byte_sink.h"
#include "engine/archive/tar_entry.h"

namespace berth::archive {

// Writes a tar: POSIX headers, PAX records for what does not fit into them (long or non-ASCII
// names, large numbers, attributes as SCHILY.xattr.*). Does not own the descriptor.
class TarWriter {
 public:
    // Docker's archives have whole seconds; layers the times that files have.
    enum class Times { kSeconds, kExact };
    explicit TarWriter(ByteSink& out, Times times = Times::kSeconds) : out_(out), times_(times) {}

    // One entry. A folder's path gets its "/". A file's content must follow, `entry.size` bytes of it.
    Result<> add(const TarEntry& entry);
    // The content of the file that was added last: `size` bytes from where `file_fd` stands, zeros for those
    // it turns out not to have.
    Result<> content(int file_fd, std::uint64_t size);
    // The end of the archive. Nothing is complete before this.
    Result<> finish();
    // How long it is so far.
    std::uint64_t bytes() const { return bytes_; }

 private:
    Result<> put(std::string_view bytes);
    Result<> flush();
    Result<std::uint64_t> read(int file_fd, std::uint64_t size);
    Result<> pad(std::uint64_t size);

    ByteSink& out_;
    Times times_;
    std::string buffer_;
    std::uint64_t bytes_ = 0;
};

}  // namespace berth::archive
