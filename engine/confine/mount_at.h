#pragma once

#include <span>
#include <string>

#include "engine/confine/helper.h"
#include "engine/sys/mount.h"

namespace berth::confine {

// Mounts what `mount` says at its target, in the caller's mount namespace, as mount(8) would: any file system
// of the kernel, binds, and with `loop` or for a regular file by way of a loop device. In a process of its
// own, because a server or a file system that does not answer keeps whoever asks it: after
// `options.stall` it is left to itself (kDeadlineExceeded, ETIMEDOUT), and mounts nothing any more. Other
// errors have the kernel's errno.
Result<> mount_at(const HelperOptions& options, const sys::Mount& mount, bool loop);

// The helper's side. Not shut in: it touches nothing but the paths that its caller's user gave.
bool is_mount_task(std::span<char* const> arguments);
Result<std::string> run_mount_task(std::span<char* const> arguments);

}  // namespace berth::confine
