#include "engine/executor/self_seal.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <linux/mount.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <climits>
#include <cstdlib>

#include "engine/base/files.h"
#include "engine/executor/report.h"
#include "engine/sys/sealed_copy.h"

namespace berth::executor {

namespace {

// Says to the program that was started again through an overlay that it is the one, since our pid stays:
// "PID", or "PID:FD" with the overlay still open.
constexpr const char* kMark = "_BERTH_SEALED";

UniqueFd& open_overlay() {
    static UniqueFd overlay;
    return overlay;
}

// True for the mark that this process has made. Takes the overlay over.
bool is_own(const char* mark) {
    if (mark == nullptr) return false;
    char* end = nullptr;
    bool own = std::strtol(mark, &end, 10) == ::getpid();
    if (own && *end == ':') {
        open_overlay().reset(static_cast<int>(std::strtol(end + 1, &end, 10)));
        own = ::fcntl(open_overlay().get(), F_SETFD, FD_CLOEXEC) == 0;
    }
    return own && *end == '\0';
}

bool is_overlay(int program) {
    struct statfs status{};
    return ::fstatfs(program, &status) == 0 && status.f_type == OVERLAYFS_SUPER_MAGIC &&
           (status.f_flags & ST_RDONLY) != 0;
}

// As an element of lowerdir, whose separator is a colon.
std::string escaped(const std::string& path) {
    std::string out;
    for (char c : path) {
        if (c == ':' || c == '\\') out += '\\';
        out += c;
    }
    return out;
}

// The program as seen through an overlay that has no upper folder: there is nothing to write to, whatever the
// rights, and no way from it to what lies below. It wants two lower folders; the second may be any.
UniqueFd through_overlay(const std::string& other) {
    char path[PATH_MAX];
    ssize_t length = ::readlink("/proc/self/exe", path, sizeof path);
    if (length <= 0) return {};
    std::string program(path, static_cast<std::size_t>(length));
    auto slash = program.rfind('/');
    UniqueFd context(static_cast<int>(::syscall(SYS_fsopen, "overlay", FSOPEN_CLOEXEC)));
    if (!context || slash == std::string::npos) return {};
    auto set = [&](const char* key, const std::string& value) {
        return ::syscall(SYS_fsconfig, context.get(), FSCONFIG_SET_STRING, key, value.c_str(), 0) == 0;
    };
    std::string folder = slash == 0 ? "/" : program.substr(0, slash);
    if (!set("lowerdir", escaped(folder) + ":" + escaped(other))) return {};
    // Where the two are on different file systems it would be turned on, with a line in the kernel's log.
    (void)set("xino", "off");
    if (::syscall(SYS_fsconfig, context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0) return {};
    UniqueFd mount(static_cast<int>(::syscall(SYS_fsmount, context.get(), FSMOUNT_CLOEXEC,
                                              MOUNT_ATTR_RDONLY | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOSUID)));
    if (!mount) return {};
    UniqueFd seen(::openat(mount.get(), program.c_str() + slash + 1, O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
    return seen && is_overlay(seen.get()) ? std::move(seen) : UniqueFd();
}

void start_again(int program, char** argv) {
    ::syscall(SYS_execveat, program, "", argv, environ, AT_EMPTY_PATH);
}

}  // namespace

void close_seal() {
    open_overlay().reset();
}

Result<> run_sealed(const Options& options, char** argv) {
    constexpr std::string_view kWhat = "ensure that the program is sealed";
    BERTH_TRY(UniqueFd program, in(kWhat, open_file("/proc/self/exe", O_RDONLY)));
    // The shim runs a copy that all containers share.
    if (sys::is_sealed(program.get())) {
        debug(options, "runc exeseal: using /proc/self/exe clone");
        return {};
    }
    const std::string own = std::to_string(::getpid());
    bool second = is_own(std::getenv(kMark));
    ::unsetenv(kMark);
    if (second && is_overlay(program.get())) {
        debug(options, "runc exeseal: using overlayfs for sealed /proc/self/exe");
        debug(options, "runc exeseal: using /proc/self/exe clone");
        return {};
    }
    if (!second && ::geteuid() == 0 && make_folders(options.root, 0700)) {
        if (UniqueFd seen = through_overlay(options.root)) {
            ::setenv(kMark, own.c_str(), 1);
            start_again(seen.get(), argv);
            ::unsetenv(kMark);
        }
    }
    BERTH_TRY(UniqueFd copy, in(kWhat, sys::sealed_copy(program.get())));
    start_again(copy.get(), argv);
    return fail_errno(kWhat);
}

}  // namespace berth::executor
