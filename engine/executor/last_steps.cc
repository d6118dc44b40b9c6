#include "engine/executor/last_steps.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "engine/base/files.h"
#include "engine/executor/capabilities.h"
#include "engine/executor/identity.h"
#include "engine/executor/lookup.h"
#include "engine/executor/sync.h"
#include "engine/sys/safe_path.h"

namespace berth::executor {

namespace {

// A folder outside of the root shows as "(unreachable)…".
Result<> check_folder() {
    char path[4096];
    if (::syscall(SYS_getcwd, path, sizeof path) < 0) return fail_errno("getcwd");
    if (path[0] == '/') return {};
    return fail(ErrorKind::kForbidden,
                "current working directory is outside of container mount namespace root -- possible "
                "container breakout detected");
}

Result<> install(const Filter& filter, int sync_fd) {
    BERTH_TRY(UniqueFd listener, install_filter(filter));
    if (!listener) return {};
    // The other side takes the descriptor over by its number; writing and reading are all that the filter has
    // to let through.
    BERTH_CHECK(send_message(sync_fd, {SyncMessage::Kind::kListener, std::to_string(listener.get())}));
    auto taken = receive_message(sync_fd);
    if (!taken || taken->kind != SyncMessage::Kind::kGo) ::_exit(1);
    return {};
}

}  // namespace

void close_descriptors(int preserved, std::vector<int> kept) {
    std::sort(kept.begin(), kept.end());
    auto first = static_cast<unsigned>(3 + preserved);
    for (int fd : kept) {
        if (fd < 0 || static_cast<unsigned>(fd) < first) continue;
        if (static_cast<unsigned>(fd) > first) (void)::syscall(SYS_close_range, first, fd - 1, 0);
        first = static_cast<unsigned>(fd) + 1;
    }
    (void)::syscall(SYS_close_range, first, ~0U, 0);
}

Result<> enter_folder(const std::string& cwd, Folder& folder) {
    const std::string failed = "chdir to cwd (\"" + cwd + "\") set in config.json failed";
    bool there = ::chdir(cwd.c_str()) == 0;
    if (!there && errno == ENOENT && folder.make) {
        BERTH_TRY(UniqueFd root, open_file("/", O_PATH | O_DIRECTORY));
        BERTH_CHECK(sys::make_folders_in_root(root.get(), cwd, 0755, 0, 0));
        there = ::chdir(cwd.c_str()) == 0;
    }
    if (!there) {
        bool denied = errno == EACCES || errno == EPERM;
        if (!denied || folder.entered) return fail_errno(failed);
        return ::chdir("/") == 0 ? Result<>() : Result<>(fail_errno(failed));
    }
    folder.entered = true;
    return check_folder();
}

Result<std::string> step_down(const oci::Process& process, const std::optional<Filter>& filter,
                              Folder& folder, int sync_fd) {
    own_streams(process.user);
    if (process.no_new_privileges && ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return fail_errno("no_new_privs");
    // Without no_new_privs the filter needs a capability that is about to go.
    if (filter && !process.no_new_privileges) BERTH_CHECK(install(*filter, sync_fd));
    if (process.capabilities) BERTH_CHECK(limit_bounding_set(*process.capabilities));
    BERTH_CHECK(become_user(process.user));
    if (process.capabilities) {
        BERTH_TRY(std::string warning, set_capabilities(*process.capabilities));
        if (!warning.empty()) BERTH_CHECK(send_message(sync_fd, {SyncMessage::Kind::kWarning, warning}));
    }
    if (!folder.entered) {
        folder.entered = true;
        BERTH_CHECK(enter_folder(process.cwd, folder));
    }
    BERTH_TRY(std::string program, find_program(process));
    if (filter && process.no_new_privileges) BERTH_CHECK(install(*filter, sync_fd));
    return program;
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
