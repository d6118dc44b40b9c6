#include "engine/sys/foreign_mount.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>

#include "engine/sys/open_in_child.h"

namespace berth::sys {

namespace {

struct Job : ChildWork {
    int mount_namespace;
    const char* path;
};

bool attempt(ChildWork& work) {
    Job& job = static_cast<Job&>(work);
    // Takes the child's root and working directory along.
    job.failed = "enter the mount namespace";
    if (::setns(job.mount_namespace, CLONE_NEWNS) != 0) return false;
    job.failed = "clone the mount";
    job.result = ::open_tree(AT_FDCWD, job.path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_SYMLINK_NOFOLLOW);
    return job.result >= 0;
}

}  // namespace

Result<UniqueFd> clone_foreign_mount(pid_t pid, const std::string& path) {
    const std::string name = "/proc/" + std::to_string(pid) + "/ns/mnt";
    UniqueFd mount_namespace(::open(name.c_str(), O_RDONLY | O_CLOEXEC));
    if (!mount_namespace) return fail_errno("open " + name);
    Job job{{&attempt}, mount_namespace.get(), path.c_str()};
    return open_in_child(0, job);
}

}  // namespace berth::sys
