#pragma once

#include <string>

#include "engine/base/result.h"
#include "engine/base/unique_fd.h"

// Mounts by descriptor, for the files of rootfs.h.
namespace berth::executor {

// "/proc/self/fd/N": of use only while the host's /proc is there.
std::string fd_path(int fd);

// Puts a detached mount where the descriptor points.
Result<> attach(int mount_fd, int target_fd);
// A detached copy of the mount that `fd` lies on, from there down.
Result<UniqueFd> clone_mount(int fd, bool recursive);
Result<> set_propagation(int mount_fd, unsigned long flags);

}  // namespace berth::executor
