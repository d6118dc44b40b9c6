#include "engine/sys/open_in_child.h"

#include <sched.h>
#include <signal.h>
#include <sys/wait.h>

#include <cerrno>
#include <memory>

namespace berth::sys {

namespace {

int child_main(void* argument) {
    ChildWork& work = *static_cast<ChildWork*>(argument);
    if (!work.attempt(work)) work.error = errno;
    return 0;
}

}  // namespace

Result<UniqueFd> open_in_child(int namespaces, ChildWork& work) {
    constexpr std::size_t kStack = 64 * 1024;
    auto stack = std::make_unique<char[]>(kStack);
    sigset_t all, before;
    sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    pid_t child =
        ::clone(child_main, stack.get() + kStack, CLONE_VM | CLONE_VFORK | CLONE_FILES | namespaces, &work);
    int err = errno;
    if (child > 0) {
        while (::waitpid(child, nullptr, __WALL) < 0 && errno == EINTR) {
        }
    }
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    if (child < 0) return fail_errno("clone", err);
    if (work.result < 0) return fail_errno(work.failed, work.error);
    return UniqueFd(work.result);
}

}  // namespace berth::sys
