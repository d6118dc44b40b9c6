#pragma once

#include <sys/types.h>

#include <cstdint>

namespace berth::sys {

// What openat2(2) does, name by name with openat(2), where a filter around the engine does not know that
// call. Knows RESOLVE_IN_ROOT, BENEATH, NO_SYMLINKS and NO_XDEV; magic links are never followed. A ".." goes
// back the way that was come, so no rename can lead it out. Returns the descriptor, or -1 with errno.
int walk_path(int folder_fd, const char* path, int flags, mode_t mode, std::uint64_t resolve);

}  // namespace berth::sys
