#include "engine/confine/syscall_filter.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <cerrno>
#include <cstddef>
#include <vector>

namespace berth::confine {

namespace {

#if defined(__x86_64__)
constexpr unsigned kArchitecture = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr unsigned kArchitecture = AUDIT_ARCH_AARCH64;
#else
#error "the architecture's audit number is not known here"
#endif

// Most frequent first: they are compared in this order.
constexpr unsigned kAllowed[] = {
    SYS_read,         SYS_write,      SYS_pwrite64,        SYS_close,
    SYS_openat,       SYS_openat2,    SYS_newfstatat,      SYS_fstat,
    SYS_fchown,       SYS_fchmod,     SYS_utimensat,       SYS_fchownat,
    SYS_fchmodat,     SYS_mkdirat,    SYS_mknodat,         SYS_symlinkat,
    SYS_linkat,       SYS_unlinkat,   SYS_renameat,        SYS_renameat2,
    SYS_readlinkat,   SYS_getdents64, SYS_lseek,           SYS_pread64,
    SYS_ftruncate,    SYS_fallocate,  SYS_copy_file_range, SYS_fsetxattr,
    SYS_fgetxattr,    SYS_flistxattr, SYS_statx,           SYS_fcntl,
    SYS_brk,          SYS_mmap,       SYS_munmap,          SYS_mremap,
    SYS_mprotect,     SYS_madvise,    SYS_futex,           SYS_writev,
    SYS_fsync,        SYS_fdatasync,  SYS_syncfs,          SYS_dup,
    SYS_fchdir,       SYS_getrandom,  SYS_clock_gettime,   SYS_getpid,
    SYS_gettid,       SYS_tgkill,     SYS_rt_sigaction,    SYS_rt_sigprocmask,
    SYS_rt_sigreturn, SYS_exit,       SYS_exit_group,      SYS_llistxattr,
    SYS_lgetxattr,    SYS_lsetxattr,  SYS_sendfile,        SYS_fstatfs,
    SYS_poll,         SYS_recvmsg,    SYS_sync_file_range,
#ifdef SYS_unlink
    SYS_readlink,     SYS_stat,       SYS_lstat,           SYS_open,
#endif
};

}  // namespace

Result<> filter_syscalls() {
    std::vector<sock_filter> code;
    code.push_back(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, arch)));
    code.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kArchitecture, 1, 0));
    code.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS));
    code.push_back(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)));
    // Each jumps over the comparisons left and the refusal behind them.
    constexpr std::size_t kCount = std::size(kAllowed);
    static_assert(kCount < 256);
    for (std::size_t i = 0; i < kCount; ++i) {
        code.push_back(
            BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kAllowed[i], static_cast<unsigned char>(kCount - i), 0));
    }
    code.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM));
    code.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
    sock_fprog program{static_cast<unsigned short>(code.size()), code.data()};
    if (::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) != 0)
        return fail_errno("filter system calls");
    return {};
}

}  // namespace berth::confine
