#include "engine/executor/init.h"

#include <fcntl.h>
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
#include "engine/executor/console.h"
#include "engine/executor/identity.h"
#include "engine/executor/last_steps.h"
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
        BERTH_CHECK(in("setup console", take_terminal(plan.console_fd, process.console_size, process.user.uid,
                                                      ConsoleNode::kMake)));
    if (!spec.hostname.empty() && ::sethostname(spec.hostname.data(), spec.hostname.size()) != 0)
        return fail_errno("sethostname");
    if (!spec.domainname.empty() && ::setdomainname(spec.domainname.data(), spec.domainname.size()) != 0) {
        return fail_errno("setdomainname");
    }
    BERTH_CHECK(apply_sysctls(spec.linux_));
    BERTH_CHECK(rootfs.seal());
    BERTH_CHECK(enter_folder(process.cwd, true));
    BERTH_CHECK(set_rlimits(process.rlimits));
    return find_program(process);
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
    if (!program) give_up(plan.sync_fd, program.error());
    const oci::Process& process = *plan.spec.process;
    std::vector<char*> arguments = pointers(process.args), environment = pointers(process.env);
    keep_descriptors(plan.preserve_fds);
    if (auto less = step_down(process, plan.filter, plan.sync_fd); !less) give_up(plan.sync_fd, less.error());
    if (auto sent = send_message(plan.sync_fd, {SyncMessage::Kind::kReady, ""}); !sent) ::_exit(1);
    ::close(plan.sync_fd);
    await_start(plan.fifo_fd);
    ::execve(program->c_str(), arguments.data(), environment.data());
    std::string text = "exec " + *program + ": " + ::strerrordesc_np(errno) + "\n";
    (void)write_all(STDERR_FILENO, text).has_value();
    ::_exit(errno == ENOENT ? 127 : 126);
}

}  // namespace berth::executor
