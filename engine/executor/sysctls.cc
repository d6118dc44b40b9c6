#include "engine/executor/sysctls.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <algorithm>

#include "engine/base/files.h"
#include "engine/executor/spaces.h"
#include "engine/sys/safe_path.h"

namespace berth::executor {

namespace {

// "net.ipv4.conf.eth0/1.x" and "net/ipv4/conf/eth0.1/x" mean the same: the first separator is the one that
// separates, the other stands for itself. As a path.
std::string path_of(std::string name) {
    auto first = name.find_first_of("./");
    bool dots = first == std::string::npos || name[first] == '.';
    if (!dots) return name;
    for (char& c : name) c = c == '.' ? '/' : c == '/' ? '.' : c;
    return name;
}

bool same_file(const char* one, const std::string& other) {
    struct stat a{}, b{};
    return ::stat(one, &a) == 0 && ::stat(other.c_str(), &b) == 0 && a.st_dev == b.st_dev &&
           a.st_ino == b.st_ino;
}

}  // namespace

Result<> check_sysctl(const std::string& given, const Spaces& spaces) {
    auto refused = [&](const std::string& why) {
        return fail(ErrorKind::kInvalidArgument, "sysctl \"" + given + "\" " + why);
    };
    std::string name = path_of(given);
    std::string parts = "/" + name + "/";
    bool odd = name.empty() || parts.find("//") != std::string::npos ||
               parts.find("/../") != std::string::npos || parts.find("/./") != std::string::npos;
    static constexpr std::string_view kIpc[] = {"kernel/msgmax", "kernel/msgmnb",         "kernel/msgmni",
                                                "kernel/sem",    "kernel/shmall",         "kernel/shmmax",
                                                "kernel/shmmni", "kernel/shm_rmid_forced"};
    bool ipc =
        std::find(std::begin(kIpc), std::end(kIpc), name) != std::end(kIpc) || name.starts_with("fs/mqueue/");
    if (odd) return refused("is not in a separate kernel namespace");
    if (ipc) {
        if (!spaces.has(CLONE_NEWIPC)) return refused("is not allowed in the hosts ipc namespace");
        return {};
    }
    if (name.starts_with("net/")) {
        const Spaces::Joined* joined = spaces.join_of(CLONE_NEWNET);
        bool hosts = joined != nullptr && same_file("/proc/self/ns/net", joined->path);
        if (hosts || !spaces.has(CLONE_NEWNET)) return refused("not allowed in host network namespace");
        return {};
    }
    if (spaces.has(CLONE_NEWUTS) && name == "kernel/domainname") return {};
    if (spaces.has(CLONE_NEWUTS) && name == "kernel/hostname")
        return refused("is not allowed as it conflicts with the OCI \"hostname\" field");
    if (name.starts_with("user/")) {
        if (spaces.has(CLONE_NEWUSER)) return {};
        return fail(ErrorKind::kInvalidArgument,
                    "setting ucounts without a user namespace not allowed: " + given);
    }
    return refused("is not in a separate kernel namespace");
}

Result<> apply_sysctls(const oci::Linux& settings) {
    if (settings.sysctl.empty()) return {};
    BERTH_TRY(UniqueFd proc, open_file("/proc", O_PATH | O_DIRECTORY | O_NOFOLLOW));
    struct statfs kind{};
    struct stat root{};
    constexpr ino_t kProcRoot = 1;
    if (::fstatfs(proc.get(), &kind) != 0 || kind.f_type != PROC_SUPER_MAGIC ||
        ::fstat(proc.get(), &root) != 0 || root.st_ino != kProcRoot) {
        return fail(ErrorKind::kForbidden, "/proc is not procfs");
    }
    for (const auto& [name, value] : settings.sysctl) {
        std::string path = "sys/" + path_of(name);
        // NO_XDEV: nothing that is mounted on a part of it.
        UniqueFd file(
            sys::openat2(proc.get(), path.c_str(), O_WRONLY | O_NOFOLLOW, 0,
                         RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS));
        auto written = file ? write_all(file.get(), value) : Result<>(fail_errno("open /proc/" + path));
        if (!written) return in("sysctl " + name, std::move(written));
    }
    return {};
}

}  // namespace berth::executor
