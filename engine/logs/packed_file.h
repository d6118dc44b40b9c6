#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "engine/base/unique_fd.h"

namespace berth::logs {

// Compresses PATH to PATH.gz, which takes its place once it is whole. Its header says which file it was.
Result<> pack_file(const std::string& path);

// The inode of the file that a packed one was, if its header says so.
std::optional<std::uint64_t> packed_inode(int fd);

// What is in a packed file, in a file without a name in `folder`. Of a damaged one what can be had.
Result<UniqueFd> unpack_file(int fd, const std::string& folder);

}  // namespace berth::logs
