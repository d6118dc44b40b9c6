#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "engine/base/unique_fd.h"

namespace berth::logs {

// Rotated files of the log PATH keep their names until it is closed. It waits for a moment at most.
Result<UniqueFd> hold_rotated(const std::string& path);

// Compresses the rotated files of the log PATH that are not yet, the newest first, each to a .gz that takes
// its place once it is whole and says which file it was. They may move up meanwhile. At the end, while nobody
// can rotate, `done` is closed: what is rotated from then on nobody sees to.
Result<> pack_rotated(const std::string& path, UniqueFd done = {});

// The inode of the file that a packed one was, if its header says so.
std::optional<std::uint64_t> packed_inode(int fd);

// What is in a packed file, in a file without a name in `folder`. Of a damaged one what can be had.
Result<UniqueFd> unpack_file(int fd, const std::string& folder);

}  // namespace berth::logs
