#include "engine/executor/last_steps.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "engine/base/files.h"
#include "engine/executor/capabilities.h"
#include "engine/executor/identity.h"
#include "engine/executor/sync.h"
#include "engine/sys/safe_path.h"

namespace berth::executor {

Result<> enter_folder(const std::string& cwd, bool make) {
    const std::string failed = "chdir to cwd (\"" + cwd + "\") set in config.json failed";
    if (::chdir(cwd.c_str()) != 0) {
        if (errno != ENOENT || !make) return fail_errno(failed);
        BERTH_TRY(UniqueFd root, open_file("/", O_PATH | O_DIRECTORY));
        BERTH_TRY(UniqueFd made, sys::make_folders_in_root(root.get(), cwd, 0755, 0, 0));
        if (::chdir(cwd.c_str()) != 0) return fail_errno(failed);
    }
    // A folder outside of the root shows as "(unreachable)…".
    char path[4096];
    if (::syscall(SYS_getcwd, path, sizeof path) < 0) return fail_errno("getcwd");
    if (path[0] != '/')
        return fail(ErrorKind::kForbidden,
                    "current working directory is outside of container mount namespace root -- possible "
                    "container breakout detected");
    return {};
}

void keep_descriptors(int preserve_fds) {
    (void)::syscall(SYS_close_range, 3 + preserve_fds, ~0U, CLOSE_RANGE_CLOEXEC);
}

Result<> step_down(const oci::Process& process, const std::optional<Filter>& filter, int sync_fd) {
    if (process.no_new_privileges && ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return fail_errno("no_new_privs");
    // Without no_new_privs the filter needs a capability that is about to go.
    if (filter && !process.no_new_privileges) BERTH_CHECK(install_filter(*filter));
    if (process.capabilities) BERTH_CHECK(limit_bounding_set(*process.capabilities));
    BERTH_CHECK(become_user(process.user));
    if (process.capabilities) {
        BERTH_TRY(std::string warning, set_capabilities(*process.capabilities));
        if (!warning.empty()) BERTH_CHECK(send_message(sync_fd, {SyncMessage::Kind::kWarning, warning}));
    }
    if (filter && process.no_new_privileges) BERTH_CHECK(install_filter(*filter));
    return {};
}

std::vector<char*> pointers(const std::vector<std::string>& words) {
    std::vector<char*> out;
    for (const std::string& word : words) out.push_back(const_cast<char*>(word.c_str()));
    out.push_back(nullptr);
    return out;
}

void give_up(int sync_fd, const Error& error) {
    (void)send_message(sync_fd, {SyncMessage::Kind::kError, error.message}).has_value();
    ::_exit(1);
}

}  // namespace berth::executor
