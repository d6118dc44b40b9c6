#include "engine/confine/path_rules.h"

#include <linux/landlock.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>

#include "engine/base/unique_fd.h"

namespace berth::confine {

namespace {

bool allow(int ruleset, int folder_fd, std::uint64_t access) {
    landlock_path_beneath_attr rule{};
    rule.allowed_access = access;
    rule.parent_fd = folder_fd;
    return ::syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) == 0;
}

}  // namespace

void restrict_paths(int root, std::span<const int> readable) {
    // Version 1 has no way to allow a hard link into another folder.
    if (::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION) < 2) return;
    landlock_ruleset_attr attr{};
    attr.handled_access_fs = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1;
    attr.handled_access_fs |= LANDLOCK_ACCESS_FS_REFER;
    UniqueFd ruleset(static_cast<int>(::syscall(SYS_landlock_create_ruleset, &attr, sizeof attr, 0)));
    if (!ruleset || !allow(ruleset.get(), root, attr.handled_access_fs)) return;
    for (int folder : readable) {
        if (!allow(ruleset.get(), folder, LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)) return;
    }
    (void)::syscall(SYS_landlock_restrict_self, ruleset.get(), 0);
}

}  // namespace berth::confine
