#include "engine/sys/pidfd.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sched.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <utility>
#include <vector>

#include "engine/base/files.h"

namespace berth::sys {

namespace {

bool is_folder(int pidfd) {
    struct statfs status{};
    return ::fstatfs(pidfd, &status) == 0 && status.f_type == PROC_SUPER_MAGIC;
}

// /proc/PID/stat; empty when the process is gone or a zombie.
std::string stat_of(int folder) {
    UniqueFd file(::openat(folder, "stat", O_RDONLY | O_CLOEXEC));
    auto text = file ? read_all(file.get(), 4096) : Result<std::string>(fail_errno("open stat"));
    auto close = text ? text->rfind(')') : std::string::npos;
    if (close == std::string::npos || close + 2 >= text->size()) return {};
    char state = (*text)[close + 2];
    return state == 'Z' || state == 'X' ? std::string() : *text;
}

bool send_by_folder(int folder, int signal) {
    std::string stat = stat_of(folder);
    errno = ESRCH;
    return !stat.empty() && ::kill(std::atoi(stat.c_str()), signal) == 0;
}

// The user namespace first, which gives the rights to the others; the mount namespace last, which takes the
// sight of /proc away, though all are opened by then.
constexpr std::pair<int, const char*> kSpaces[] = {{CLONE_NEWUSER, "ns/user"}, {CLONE_NEWCGROUP, "ns/cgroup"},
                                                   {CLONE_NEWIPC, "ns/ipc"},   {CLONE_NEWUTS, "ns/uts"},
                                                   {CLONE_NEWNET, "ns/net"},   {CLONE_NEWPID, "ns/pid"},
                                                   {0x80, "ns/time"},          {CLONE_NEWNS, "ns/mnt"}};

}  // namespace

Result<UniqueFd> open_pidfd(pid_t pid) {
    int fd = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
    if (fd < 0 && errno == ESRCH) return fail(ErrorKind::kNotFound, "no such process");
    if (fd >= 0) return UniqueFd(fd);
    if (errno != ENOSYS) return fail_errno("pidfd_open");
    auto folder = open_file("/proc/" + std::to_string(pid), O_RDONLY | O_DIRECTORY);
    if (!folder) return fail(ErrorKind::kNotFound, "no such process");
    return folder;
}

Result<> send_signal(int pidfd, int signal) {
    if (::syscall(SYS_pidfd_send_signal, pidfd, signal, nullptr, 0) == 0) return {};
    // Since Linux 5.1 it takes the folder as well.
    if (errno == ENOSYS && is_folder(pidfd) && send_by_folder(pidfd, signal)) return {};
    if (errno == ESRCH) return fail(ErrorKind::kConflict, "process already finished");
    return fail_errno("pidfd_send_signal");
}

Result<bool> poll_for_end(int pidfd, std::span<pollfd> others, int milliseconds) {
    constexpr int kLook = 10;
    const bool folder = is_folder(pidfd);
    std::vector<pollfd> all(others.begin(), others.end());
    all.push_back({folder ? -1 : pidfd, POLLIN, 0});
    for (int left = milliseconds;; left -= milliseconds < 0 ? 0 : kLook) {
        if (folder && stat_of(pidfd).empty()) return true;
        int ready = ::poll(all.data(), all.size(), folder ? kLook : milliseconds);
        if (ready < 0 && errno != EINTR) return fail_errno("poll");
        std::copy(all.begin(), all.end() - 1, others.begin());
        if (all.back().revents != 0) return true;
        if (ready > 0 || (milliseconds >= 0 && (!folder || left <= kLook))) return false;
    }
}

bool join_namespaces(int pidfd, int spaces) {
    if (!is_folder(pidfd)) return ::setns(pidfd, spaces) == 0;
    std::vector<std::pair<UniqueFd, int>> opened;
    for (const auto& [space, name] : kSpaces) {
        if ((spaces & space) == 0) continue;
        UniqueFd file(::openat(pidfd, name, O_RDONLY | O_CLOEXEC));
        if (!file) return false;
        opened.emplace_back(std::move(file), space);
    }
    return std::all_of(opened.begin(), opened.end(),
                       [](const auto& one) { return ::setns(one.first.get(), one.second) == 0; });
}

Result<ChildStatus> wait_child(int pidfd) {
    siginfo_t info{};
    while (::waitid(P_PIDFD, static_cast<id_t>(pidfd), &info, WEXITED | __WALL) != 0) {
        if (errno != EINTR) return fail_errno("wait for child");
    }
    return ChildStatus{info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status};
}

}  // namespace berth::sys
