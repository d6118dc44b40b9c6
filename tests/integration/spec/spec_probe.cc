// spec-probe: tries system calls that a sandbox is there to refuse, one "name errno" a line (0: it worked).
// Harmless where they are not refused: every call is made with arguments that the kernel itself turns down,
// or in a child.
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <sys/personality.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

namespace {

template <class Call>
void probe(const char* name, Call call) {
    errno = 0;
    const long result = call();
    std::printf("%s %d\n", name, result < 0 ? errno : 0);
    std::fflush(stdout);
}

// In a child, so that it may succeed.
template <class Call>
void probe_in_child(const char* name, Call call) {
    const pid_t child = fork();
    if (child == 0) {
        probe(name, call);
        _exit(0);
    }
    waitpid(child, nullptr, 0);
}

long new_process(unsigned long flags) {
    const long child = syscall(SYS_clone, flags | SIGCHLD, nullptr, nullptr, nullptr, nullptr);
    if (child == 0) _exit(0);
    if (child > 0) waitpid(static_cast<pid_t>(child), nullptr, 0);
    return child;
}

void probe_namespaces() {
    probe_in_child("unshare_user", [] { return unshare(CLONE_NEWUSER); });
    probe_in_child("unshare_mount", [] { return unshare(CLONE_NEWNS); });
    probe("clone_user", [] { return new_process(CLONE_NEWUSER); });
    probe("clone", [] { return new_process(0); });
    probe("clone3", [] { return syscall(SYS_clone3, nullptr, 0); });
    probe("setns", [] { return setns(-1, 0); });
    probe("pivot_root", [] { return syscall(SYS_pivot_root, nullptr, nullptr); });
    probe("mount", [] { return syscall(SYS_mount, nullptr, nullptr, nullptr, 0, nullptr); });
    probe("move_mount", [] { return syscall(SYS_move_mount, -1, nullptr, -1, nullptr, 0); });
    probe("fsopen", [] { return syscall(SYS_fsopen, nullptr, 0); });
}

void probe_kernel() {
    probe("keyctl", [] { return syscall(SYS_keyctl, -1, 0, 0, 0, 0); });
    probe("add_key", [] { return syscall(SYS_add_key, nullptr, nullptr, nullptr, 0, 0); });
    probe("request_key", [] { return syscall(SYS_request_key, nullptr, nullptr, nullptr, 0); });
    probe("bpf", [] { return syscall(SYS_bpf, -1, nullptr, 0); });
    probe("perf_event_open", [] { return syscall(SYS_perf_event_open, nullptr, 0, 0, 0, 0); });
    probe("io_uring_setup", [] { return syscall(SYS_io_uring_setup, 0, nullptr); });
    probe("userfaultfd", [] { return syscall(SYS_userfaultfd, ~0); });
    probe("kexec_load", [] { return syscall(SYS_kexec_load, 0, 17, nullptr, ~0UL); });
    probe("init_module", [] { return syscall(SYS_init_module, nullptr, 0, nullptr); });
    probe("open_by_handle_at", [] { return syscall(SYS_open_by_handle_at, -1, nullptr, 0); });
    probe("move_pages", [] { return syscall(SYS_move_pages, -1, 0, nullptr, nullptr, nullptr, ~0); });
    probe("syslog", [] { return syscall(SYS_syslog, -1, nullptr, 0); });
    probe("reboot", [] { return syscall(SYS_reboot, 0, 0, 0, nullptr); });
    probe("unknown", [] { return syscall(4000); });
}

void probe_arguments() {
    probe("socket_alg", [] { return socket(38, SOCK_SEQPACKET, 0); });
    probe("socket_vsock", [] { return socket(40, SOCK_STREAM, 0); });
    probe("socket_inet", [] { return socket(AF_INET, SOCK_STREAM, 0); });
    probe_in_child("personality_linux", [] { return personality(PER_LINUX); });
    probe_in_child("personality_svr4", [] { return personality(PER_SVR4); });
    probe_in_child("ptrace", [] { return ptrace(PTRACE_TRACEME, 0, nullptr, nullptr); });
}

}  // namespace

int main() {
    probe_namespaces();
    probe_kernel();
    probe_arguments();
}
