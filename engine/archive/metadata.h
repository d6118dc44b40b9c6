#pragma once

#include <sys/stat.h>

#include <string>
#include <string_view>
#include <vector>

#include "engine/base/result.h"

namespace berth::archive {

using Xattrs = std::vector<std::pair<std::string, std::string>>;

// Owner, mode, extended attributes and time of a file, set by descriptor or by a name in a folder that is
// held by descriptor; nothing is followed.
struct Metadata {
    mode_t mode = 0;  // permission bits, set-id and sticky
    uid_t uid = 0;
    gid_t gid = 0;
    timespec mtime{};
    Xattrs xattrs;
};

// For anything but a symbolic link. `fd` may be O_PATH. Set-id bits and file capabilities come after the
// owner, since chown takes them away. An attribute the file system cannot hold is passed over;
// trusted.overlay.* and user.overlay.* are the engine's own and never taken.
Result<> set_metadata(int fd, const Metadata& metadata);
// For a symbolic link: owner and time.
Result<> set_link_metadata(int folder_fd, const char* name, const Metadata& metadata);
// The time alone: of folders, once all of their content is there.
Result<> set_time(int fd, const timespec& mtime);

// What `fd` has.
Result<Metadata> read_metadata(int fd);
Result<Xattrs> read_xattrs(int fd);

}  // namespace berth::archive
