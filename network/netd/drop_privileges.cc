#include "network/netd/drop_privileges.h"

#include <grp.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <vector>

namespace berth::netd {
namespace {

constexpr unsigned kNobody = 65534;

#if defined(__x86_64__)
constexpr unsigned kArchitecture = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr unsigned kArchitecture = AUDIT_ARCH_AARCH64;
#else
#error "the architecture's audit number is not known here"
#endif

// Most frequent first: they are compared in this order.
constexpr unsigned kAllowed[] = {
    SYS_epoll_create1, SYS_epoll_pwait,
    SYS_recvfrom,      SYS_sendto,
    SYS_newfstatat,    SYS_recvmsg,
    SYS_sendmsg,       SYS_epoll_ctl,
    SYS_socket,        SYS_connect,
    SYS_close,         SYS_getrandom,
    SYS_clock_gettime, SYS_openat,
    SYS_read,          SYS_fstat,
    SYS_accept4,       SYS_write,
    SYS_setsockopt,    SYS_getsockopt,
    SYS_shutdown,      SYS_brk,
    SYS_mmap,          SYS_munmap,
    SYS_mremap,        SYS_mprotect,
    SYS_madvise,       SYS_futex,
    SYS_lseek,         SYS_writev,
    SYS_fcntl,         SYS_getpid,
    SYS_gettid,        SYS_tgkill,
    SYS_rt_sigaction,  SYS_rt_sigprocmask,
    SYS_rt_sigreturn,  SYS_restart_syscall,
    SYS_exit,          SYS_exit_group,
#ifdef SYS_epoll_wait
    SYS_epoll_wait,
#endif
};

Result<> filter_syscalls() {
    std::vector<sock_filter> code;
    code.push_back(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, arch)));
    code.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kArchitecture, 1, 0));
    code.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS));
    code.push_back(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)));
    // Each jumps over the comparisons left and the refusal behind them.
    constexpr std::size_t kCount = std::size(kAllowed);
    static_assert(kCount < 256);
    for (std::size_t i = 0; i < kCount; ++i)
        code.push_back(
            BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kAllowed[i], static_cast<unsigned char>(kCount - i), 0));
    code.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM));
    code.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
    sock_fprog program{static_cast<unsigned short>(code.size()), code.data()};
    if (::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) != 0)
        return fail_errno("filter system calls");
    return {};
}

}  // namespace

Result<> drop_privileges() {
    if (::setgroups(0, nullptr) != 0) return fail_errno("setgroups");
    if (::setresgid(kNobody, kNobody, kNobody) != 0) return fail_errno("setresgid");
    // Leaving root for another user empties the sets of capabilities.
    if (::setresuid(kNobody, kNobody, kNobody) != 0) return fail_errno("setresuid");
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return fail_errno("no_new_privs");
    return filter_syscalls();
}

}  // namespace berth::netd
