#pragma once

#include "engine/base/result.h"
#include "engine/base/unique_fd.h"
#include "engine/sys/mount.h"
#include "engine/sys/mount_options.h"

// The two ways to a detached mount; mount_detached() takes the first and falls back on the second. Apart so
// that a test can force either.
namespace berth::sys {

// fsopen/fsconfig/fsmount, or open_tree and mount_setattr. EINVAL where the kernel cannot append lower
// folders (before 6.7), or where a path is longer than fsconfig takes; ENOSYS for attributes of a bind
// before 5.12.
Result<UniqueFd> mount_by_context(const Mount& mount, const MountOptions& options);

// mount(2) in a child with a mount namespace of its own; layers are named there by short links, so their
// number is bounded by the kernel (500) and not by the page that mount(2) passes.
Result<UniqueFd> mount_in_child(const Mount& mount, const MountOptions& options);

// The folders of "lowerdir=a:b\:c", unescaped, top first.
std::vector<std::string> split_lower_folders(std::string_view value);

}  // namespace berth::sys
