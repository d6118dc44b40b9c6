#include "engine/sys/spawn.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstring>

#include "engine/base/files.h"

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#else
#define ASAN_UNPOISON_MEMORY_REGION(start, size) static_cast<void>(0)
#endif

// A stack is not zeroed first, whatever -ftrivial-auto-var-init says: pages that nobody needs stay untouched.
#define BERTH_UNTOUCHED __attribute__((uninitialized))

namespace berth::sys {

namespace {

struct Defaults {
    bool known = false;
    std::array<rlimit, RLIM_NLIMITS> limits{};
    int nice = 0;
    std::string oom_score_adj;
};
Defaults defaults;

// Shared with the child, which runs in our memory.
struct Plan {
    const char* path = nullptr;
    char* const* argv = nullptr;
    char* const* env = nullptr;
    const int* fds = nullptr;
    int fd_count = 0;
    const char* folder = nullptr;
    bool new_session = false;
    bool orphan = false;
    SpawnHook hook;
    // Written by the child.
    const char* failed_stage = nullptr;
    int failed_errno = 0;
    pid_t orphan_pid = -1;
};

constexpr std::size_t kStackSize = 32 * 1024;

int failed(Plan& plan, const char* stage, int err) {
    plan.failed_stage = stage;
    plan.failed_errno = err;
    return 1;
}

void reset_signals() {
    struct sigaction action{};
    action.sa_handler = SIG_DFL;
    for (int signal = 1; signal < NSIG; ++signal) {
        (void)::sigaction(signal, &action, nullptr);
    }
    sigset_t none;
    sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

void restore_defaults() {
    ::umask(022);
    if (!defaults.known) return;
    for (int i = 0; i < RLIM_NLIMITS; ++i) {
        (void)::setrlimit(static_cast<__rlimit_resource>(i), &defaults.limits[static_cast<std::size_t>(i)]);
    }
    (void)::setpriority(PRIO_PROCESS, 0, defaults.nice);
    // The kernel lets a vfork child have a score of its own although it shares our memory.
    int file = ::open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    if (file < 0) return;
    [[maybe_unused]] ssize_t put =
        ::write(file, defaults.oom_score_adj.data(), defaults.oom_score_adj.size());
    ::close(file);
}

// Puts the wanted descriptors at 0…n-1. All are first moved above n, so that none is overwritten before its
// turn.
int place_descriptors(Plan& plan) {
    std::array<int, 16> moved{};
    for (int i = 0; i < plan.fd_count; ++i) {
        int fd = plan.fds[i];
        int opened = -1;
        if (fd < 0) fd = opened = ::open("/dev/null", O_RDWR | O_CLOEXEC);
        moved[static_cast<std::size_t>(i)] = ::fcntl(fd, F_DUPFD_CLOEXEC, plan.fd_count);
        if (moved[static_cast<std::size_t>(i)] < 0) return failed(plan, "descriptors", errno);
        if (opened >= 0) ::close(opened);
    }
    for (int i = 0; i < plan.fd_count; ++i) {
        if (::dup2(moved[static_cast<std::size_t>(i)], i) < 0) return failed(plan, "descriptors", errno);
    }
    // Not closed but marked: a hook may still need what it was given.
    auto first = static_cast<unsigned>(plan.fd_count);
    if (::syscall(SYS_close_range, first, ~0U, CLOSE_RANGE_CLOEXEC) == 0) return 0;
    // Before 5.11.
    for (int fd = plan.fd_count; fd < 65536; ++fd) (void)::fcntl(fd, F_SETFD, FD_CLOEXEC);
    return 0;
}

int run_child(Plan& plan) {
    reset_signals();
    restore_defaults();
    if (plan.new_session) ::setsid();
    if (plan.folder != nullptr && ::chdir(plan.folder) != 0) return failed(plan, "chdir", errno);
    if (plan.hook.run != nullptr) {
        const char* stage = "prepare";
        if (int err = plan.hook.run(plan.hook.context, &stage); err != 0) return failed(plan, stage, err);
    }
    if (place_descriptors(plan) != 0) return 1;
    ::execve(plan.path, plan.argv, plan.env);
    return failed(plan, "exec", errno);
}

int child_main(void* context) {
    ::_exit(run_child(*static_cast<Plan*>(context)));
}

int orphan_parent_main(void* context) {
    Plan& plan = *static_cast<Plan*>(context);
    alignas(16) char stack[kStackSize] BERTH_UNTOUCHED;
    plan.orphan_pid = ::clone(child_main, stack + kStackSize, CLONE_VM | CLONE_VFORK | SIGCHLD, context);
    if (plan.orphan_pid < 0) failed(plan, "clone", errno);
    ::_exit(0);
}

std::vector<char*> pointers(const std::vector<std::string>& strings) {
    std::vector<char*> out;
    for (const std::string& text : strings) out.push_back(const_cast<char*>(text.c_str()));
    out.push_back(nullptr);
    return out;
}

// clone(2) with every signal blocked: a handler of ours must not run in the child, on shared memory.
pid_t start_child(Plan& plan, int* pidfd) {
    sigset_t all, before;
    sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    alignas(16) char stack[2 * kStackSize] BERTH_UNTOUCHED;
    pid_t pid = ::clone(plan.orphan ? orphan_parent_main : child_main, stack + sizeof stack,
                        CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD, &plan, pidfd);
    int err = errno;
    // The child never returned from its frames; the address sanitizer would take them for live ones.
    ASAN_UNPOISON_MEMORY_REGION(stack, sizeof stack);
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    errno = err;
    return pid;
}

void reap(pid_t pid) {
    while (::waitpid(pid, nullptr, __WALL) < 0 && errno == EINTR) {
    }
}

}  // namespace

void remember_process_defaults() {
    for (int i = 0; i < RLIM_NLIMITS; ++i) {
        ::getrlimit(static_cast<__rlimit_resource>(i), &defaults.limits[static_cast<std::size_t>(i)]);
    }
    defaults.nice = ::getpriority(PRIO_PROCESS, 0);
    if (auto score = read_file("/proc/self/oom_score_adj")) defaults.oom_score_adj = *score;
    defaults.known = true;
}

Result<ChildProcess> spawn(const SpawnOptions& options) {
    if (options.argv.empty() || options.fds.size() > 16) {
        return fail(ErrorKind::kInvalidArgument, "spawn: no program, or too many descriptors");
    }
    std::vector<char*> argv = pointers(options.argv), env = pointers(options.env);
    Plan plan;
    plan.path = options.path.empty() ? argv[0] : options.path.c_str();
    plan.argv = argv.data();
    plan.env = env.data();
    plan.fds = options.fds.data();
    plan.fd_count = static_cast<int>(options.fds.size());
    plan.folder = options.folder.empty() ? nullptr : options.folder.c_str();
    plan.new_session = options.new_session;
    plan.orphan = options.orphan;
    plan.hook = options.hook;

    int pidfd = -1;
    ChildProcess child;
    child.pid = start_child(plan, &pidfd);
    if (child.pid < 0) return fail_errno("clone");
    child.pidfd.reset(pidfd);
    if (options.orphan || plan.failed_errno != 0) reap(child.pid);
    if (plan.failed_errno != 0) {
        std::string what = plan.failed_stage;
        if (what == "exec") what += std::string(" ") + plan.path;
        return fail_errno(what, plan.failed_errno);
    }
    if (options.orphan) {
        child.pidfd.reset();
        child.pid = plan.orphan_pid;
    }
    return child;
}

}  // namespace berth::sys
