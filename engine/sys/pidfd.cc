#include "engine/sys/pidfd.h"

#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

namespace berth::sys {

Result<UniqueFd> open_pidfd(pid_t pid) {
    int fd = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
    if (fd < 0 && errno == ESRCH) return fail(ErrorKind::kNotFound, "no such process");
    if (fd < 0) return fail_errno("pidfd_open");
    return UniqueFd(fd);
}

Result<> send_signal(int pidfd, int signal) {
    if (::syscall(SYS_pidfd_send_signal, pidfd, signal, nullptr, 0) == 0) return {};
    if (errno == ESRCH) return fail(ErrorKind::kConflict, "process already finished");
    return fail_errno("pidfd_send_signal");
}

Result<ChildStatus> wait_child(int pidfd) {
    siginfo_t info{};
    while (::waitid(P_PIDFD, static_cast<id_t>(pidfd), &info, WEXITED | __WALL) != 0) {
        if (errno != EINTR) return fail_errno("wait for child");
    }
    return ChildStatus{info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status};
}

}  // namespace berth::sys
