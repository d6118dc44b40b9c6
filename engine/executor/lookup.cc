#include "engine/executor/lookup.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

namespace berth::executor {

namespace {

// 0, or why it cannot be executed.
int executable(const std::string& path) {
    struct stat status{};
    if (::stat(path.c_str(), &status) != 0) return errno;
    if (S_ISDIR(status.st_mode)) return EISDIR;
    // The kernel's word counts: owner, groups, ACLs, capabilities, noexec mounts. Only where a filter or an
    // old kernel keeps it from answering the mode must do.
    if (::syscall(SYS_faccessat2, AT_FDCWD, path.c_str(), X_OK, AT_EACCESS) == 0) return 0;
    if (errno != ENOSYS && errno != EPERM) return errno;
    return (status.st_mode & 0111) != 0 ? 0 : EACCES;
}

Failure refusal(const std::string& name, const std::string& why) {
    return fail(ErrorKind::kInvalidArgument, "exec: \"" + name + "\": " + why);
}

}  // namespace

Result<std::string> find_program(const oci::Process& process) {
    const std::string& name = process.args.front();
    if (name.find('/') != std::string::npos) {
        switch (executable(name)) {
            case 0:
                return name;
            case EISDIR:
                return refusal(name, "is a directory");
            case EACCES:
                return refusal(name, "permission denied");
            case ENOTDIR:
                return refusal(name, "stat " + name + ": not a directory");
            default:
                return refusal(name, "stat " + name + ": no such file or directory");
        }
    }
    std::string path;
    for (const std::string& variable : process.env) {
        if (variable.starts_with("PATH=")) path = variable.substr(5);
    }
    bool denied = false;
    for (std::size_t at = 0; !name.empty() && at <= path.size();) {
        auto end = std::min(path.find(':', at), path.size());
        std::string folder = path.substr(at, end - at);
        at = end + 1;
        std::string candidate = (folder.empty() ? "." : folder) + "/" + name;
        int why = executable(candidate);
        if (why == 0) return candidate;
        denied = denied || why == EACCES;
    }
    return refusal(name, denied ? "permission denied" : "executable file not found in $PATH");
}

}  // namespace berth::executor
