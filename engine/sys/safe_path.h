#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "engine/base/result.h"
#include "engine/base/unique_fd.h"

// Paths that a container, an image, a build context or an archive can influence. All of them are walked by
// descriptor with openat2(2) and then used through the descriptor that comes back: a symbolic link, absolute
// or full of "..", stays below the root, and no magic link (/proc/PID/exe, /proc/PID/fd/N) is ever followed.
// `path` may be relative or absolute; both mean "from the root". A NUL byte in it is kInvalidArgument.
// Every descriptor is O_CLOEXEC. Errors read "open PATH: no such file or directory".
namespace berth::sys {

// Opens `path` as if `root_fd` were "/" (RESOLVE_IN_ROOT). Links in the middle and at the end are followed
// inside the root, unless `flags` has O_NOFOLLOW (then a link at the end is ELOOP, or with O_PATH the link
// itself).
Result<UniqueFd> open_in_root(int root_fd, std::string_view path, int flags, mode_t mode = 0);

// Opens `path` below `root_fd` and refuses whatever leads out of it (RESOLVE_BENEATH: ".." and absolute
// links). For names that have no business being links out: cache keys, layer folders. An absolute path is
// EXDEV.
Result<UniqueFd> open_beneath(int root_fd, std::string_view path, int flags, mode_t mode = 0);

// Like mkdir -p inside the root. Folders that are missing get `mode` (whatever the umask) and the owner
// `uid`:`gid`; those that are there stay as they are. Returns the last one, opened O_PATH | O_DIRECTORY.
// ENOTDIR when something on the way is a file; a ".." behind a missing folder is refused.
Result<UniqueFd> make_folders_in_root(int root_fd, std::string_view path, mode_t mode, uid_t uid, gid_t gid);

// Where `path` really lies, links resolved, as an absolute path from the root ("/" for the root itself). It
// is a text for people and configs: by the time it is used the container may have changed it, so
// open_in_root() it again.
Result<std::string> resolve_in_root(int root_fd, std::string_view path);

// The same for what is open already: where `fd` lies below `root_fd` now.
Result<std::string> path_in_root(int root_fd, int fd);

// openat2(2) itself, or walk_path.h where there is none; `resolve` is a set of RESOLVE_* from
// <linux/openat2.h>. Retried while the kernel says that a rename raced with the walk. Returns the descriptor,
// or -1 with errno.
int openat2(int folder_fd, const char* path, int flags, mode_t mode, std::uint64_t resolve);

}  // namespace berth::sys
