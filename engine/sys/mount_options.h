#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/result.h"

namespace berth::sys {

// What a mount's option words mean to the kernel, split by who takes them. Attributes are MOUNT_ATTR_* of
// <linux/mount.h>; `clear` holds what a word such as "suid" or "exec" takes back (for binds, which start with
// the attributes of their source).
struct MountOptions {
    bool bind = false;
    bool recursive_bind = false;               // "rbind"
    std::uint64_t set = 0, clear = 0;          // of this mount
    std::uint64_t set_all = 0, clear_all = 0;  // "rro", "rnosuid", …: of this mount and all below it
    std::vector<unsigned long> propagation;    // MS_SHARED and its like, MS_REC with it; in the order given
    std::vector<std::string> super_flags;  // of the file system, as fsconfig(FSCONFIG_SET_FLAG) names them
    std::vector<std::string> data;         // "size=64k", "lowerdir=…": the file system's own
    bool copy_up = false;                  // "tmpcopyup"
    std::optional<bool> idmap;             // "idmap" false, "ridmap" true

    bool changes_attributes() const { return (set | clear | set_all | clear_all) != 0; }
};

// Never fails: a word it does not know belongs to the file system. "remount" is kInvalidArgument.
Result<MountOptions> parse_mount_options(const std::vector<std::string>& words);

// Attributes as the flags of mount(2), for kernels without mount_setattr (before 5.12).
unsigned long mount_flags_of(std::uint64_t attributes);

// Whether the kernel has mount_setattr(2), which recursive words need (Linux 5.12).
bool can_set_attributes();

// mount_setattr(2) on the mount that `fd` stands for, and on all below it if `recursive`. A kernel without it
// (before 5.12) can change one mount that is attached in the caller's namespace, by way of /proc.
Result<> set_mount_attributes(int fd, std::uint64_t set, std::uint64_t clear, bool recursive);

}  // namespace berth::sys
