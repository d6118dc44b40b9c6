#include "engine/sys/foreign_mount.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <memory>

namespace berth::sys {

namespace {

// As in mount_in_child.cc: the child shares memory and descriptors with its caller, which stands still.
struct Job {
    int mount_namespace;
    const char* path;
    int result = -1, error = 0;
    const char* failed = "";
};

bool attempt(Job& job) {
    // Takes the child's root and working directory along.
    job.failed = "enter the mount namespace";
    if (::setns(job.mount_namespace, CLONE_NEWNS) != 0) return false;
    job.failed = "clone the mount";
    job.result = ::open_tree(AT_FDCWD, job.path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_SYMLINK_NOFOLLOW);
    return job.result >= 0;
}

int child_main(void* argument) {
    Job& job = *static_cast<Job*>(argument);
    if (!attempt(job)) job.error = errno;
    return 0;
}

}  // namespace

Result<UniqueFd> clone_foreign_mount(pid_t pid, const std::string& path) {
    const std::string name = "/proc/" + std::to_string(pid) + "/ns/mnt";
    UniqueFd mount_namespace(::open(name.c_str(), O_RDONLY | O_CLOEXEC));
    if (!mount_namespace) return fail_errno("open " + name);
    Job job{mount_namespace.get(), path.c_str()};
    constexpr std::size_t kStack = 64 * 1024;
    auto stack = std::make_unique<char[]>(kStack);
    sigset_t all, before;
    sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    // No exit signal: nobody else's SIGCHLD or wait(-1) sees this child.
    pid_t child = ::clone(child_main, stack.get() + kStack, CLONE_VM | CLONE_VFORK | CLONE_FILES, &job);
    int err = errno;
    if (child > 0) {
        while (::waitpid(child, nullptr, __WALL) < 0 && errno == EINTR) {
        }
    }
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    if (child < 0) return fail_errno("clone", err);
    if (job.result < 0) return fail_errno(job.failed, job.error);
    return UniqueFd(job.result);
}

}  // namespace berth::sys
