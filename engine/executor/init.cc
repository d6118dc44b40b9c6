#include "engine/executor/init.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/keyctl.h>
#include <linux/magic.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "engine/base/files.h"
#include "engine/executor/capabilities.h"
#include "engine/executor/console.h"
#include "engine/executor/identity.h"
#include "engine/executor/lookup.h"
#include "engine/executor/rootfs.h"
#include "engine/executor/sync.h"
#include "engine/sys/safe_path.h"

namespace berth::executor {

namespace {

Result<> apply_sysctls(const oci::Linux& settings) {
    if (settings.sysctl.empty()) return {};
    // The kernel's own /proc/sys, not something that an image or a mount put there.
    BERTH_TRY(UniqueFd proc, open_file("/proc", O_PATH | O_DIRECTORY | O_NOFOLLOW));
    struct statfs kind{};
    if (::fstatfs(proc.get(), &kind) != 0 || kind.f_type != PROC_SUPER_MAGIC) {
        return fail(ErrorKind::kForbidden, "/proc is not procfs");
    }
    for (const auto& [name, value] : settings.sysctl) {
        std::string path = "sys/" + name;
        std::replace(path.begin(), path.end(), '.', '/');
        auto file = sys::open_beneath(proc.get(), path, O_WRONLY | O_NOFOLLOW);
        auto written = file ? write_all(file->get(), value) : Result<>(Failure(file.error()));
        if (!written) return in("sysctl " + name, std::move(written));
    }
    return {};
}

// The folder the process starts in; made when it is missing, as Docker's callers expect.
Result<> enter_folder(const std::string& cwd) {
    if (::chdir(cwd.c_str()) != 0) {
        if (errno == EACCES) return fail_errno("chdir to cwd (\"" + cwd + "\") set in config.json failed");
        if (errno != ENOENT) return fail_errno("chdir to cwd (\"" + cwd + "\") set in config.json failed");
        BERTH_TRY(UniqueFd root, open_file("/", O_PATH | O_DIRECTORY));
        BERTH_TRY(UniqueFd made, sys::make_folders_in_root(root.get(), cwd, 0755, 0, 0));
        if (::chdir(cwd.c_str()) != 0)
            return fail_errno("chdir to cwd (\"" + cwd + "\") set in config.json failed");
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

Result<std::string> set_up(const InitPlan& plan) {
    const oci::RuntimeSpec& spec = plan.spec;
    const oci::Process& process = *spec.process;
    if (::setsid() < 0) return fail_errno("setsid");
    if (plan.new_keyring) {
        // Nobody's keys of outside; a kernel without keyrings, or a quota, is no reason not to start.
        (void)::syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, ("_ses." + plan.id).c_str());
    }
    if ((plan.new_namespaces & CLONE_NEWCGROUP) != 0 && ::unshare(CLONE_NEWCGROUP) != 0)
        return fail_errno("unshare cgroup");
    Rootfs rootfs(spec, plan.rootfs, plan.cgroup_path);
    BERTH_CHECK(rootfs.prepare());
    BERTH_CHECK(rootfs.enter());
    if (plan.console_fd >= 0)
        BERTH_CHECK(
            in("setup console", take_terminal(plan.console_fd, process.console_size, process.user.uid)));
    if (!spec.hostname.empty() && ::sethostname(spec.hostname.data(), spec.hostname.size()) != 0)
        return fail_errno("sethostname");
    if (!spec.domainname.empty() && ::setdomainname(spec.domainname.data(), spec.domainname.size()) != 0) {
        return fail_errno("setdomainname");
    }
    BERTH_CHECK(apply_sysctls(spec.linux_));
    BERTH_CHECK(rootfs.seal());
    BERTH_CHECK(enter_folder(process.cwd));
    BERTH_CHECK(set_rlimits(process.rlimits));
    return find_program(process);
}

// From here on the process is less than it was, step by step.
Result<> step_down(const InitPlan& plan) {
    const oci::Process& process = *plan.spec.process;
    if (process.no_new_privileges && ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return fail_errno("no_new_privs");
    // Without no_new_privs the filter needs a capability that is about to go.
    if (plan.filter && !process.no_new_privileges) BERTH_CHECK(install_filter(*plan.filter));
    if (process.capabilities) BERTH_CHECK(limit_bounding_set(*process.capabilities));
    BERTH_CHECK(become_user(process.user));
    if (process.capabilities) {
        BERTH_TRY(std::string warning, set_capabilities(*process.capabilities));
        if (!warning.empty()) BERTH_CHECK(send_message(plan.sync_fd, {SyncMessage::Kind::kWarning, warning}));
    }
    if (plan.filter && process.no_new_privileges) BERTH_CHECK(install_filter(*plan.filter));
    return {};
}

std::vector<char*> pointers(const std::vector<std::string>& words) {
    std::vector<char*> out;
    for (const std::string& word : words) out.push_back(const_cast<char*>(word.c_str()));
    out.push_back(nullptr);
    return out;
}

[[noreturn]] void give_up(const InitPlan& plan, const Error& error) {
    (void)send_message(plan.sync_fd, {SyncMessage::Kind::kError, error.message}).has_value();
    ::_exit(1);
}

// Blocks until `start` opens the other end.
void await_start(int fifo_fd) {
    std::string path = "/proc/self/fd/" + std::to_string(fifo_fd);
    int fd = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
    if (fd < 0) ::_exit(1);
    char byte = '0';
    ssize_t written = 0;
    do {
        written = ::write(fd, &byte, 1);
    } while (written < 0 && errno == EINTR);
    ::close(fd);
}

}  // namespace

void run_init(const InitPlan& plan) {
    ::signal(SIGPIPE, SIG_DFL);
    auto go = receive_message(plan.sync_fd);
    if (!go || go->kind != SyncMessage::Kind::kGo) ::_exit(1);
    auto program = set_up(plan);
    if (!program) give_up(plan, program.error());
    const oci::Process& process = *plan.spec.process;
    std::vector<char*> arguments = pointers(process.args), environment = pointers(process.env);
    // Nothing of the engine's may reach the program: everything above its own streams closes at exec.
    (void)::syscall(SYS_close_range, 3 + plan.preserve_fds, ~0U, CLOSE_RANGE_CLOEXEC);
    if (auto less = step_down(plan); !less) give_up(plan, less.error());
    if (auto sent = send_message(plan.sync_fd, {SyncMessage::Kind::kReady, ""}); !sent) ::_exit(1);
    ::close(plan.sync_fd);
    await_start(plan.fifo_fd);
    ::execve(program->c_str(), arguments.data(), environment.data());
    std::string text = "exec " + *program + ": " + ::strerrordesc_np(errno) + "\n";
    (void)write_all(STDERR_FILENO, text).has_value();
    ::_exit(errno == ENOENT ? 127 : 126);
}

}  // namespace berth::executor
