#pragma once

#include <string_view>

namespace berth::sys {

// Whether a mount may lie on `path`, which is clean: anywhere but on or below /proc, where it would hide what
// masks and limits rest on, and on those few files of /proc that lxcfs serves (runc's list).
bool may_mount_over(std::string_view path);

}  // namespace berth::sys
