#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include "engine/sys/detached_mount.h"
#include "engine/sys/open_in_child.h"

namespace berth::sys {

namespace {

struct Job : ChildWork {
    const char* source;
    const char* type;
    const char* data;
    unsigned long flags;  // of mount(2)
    bool bind, recursive_bind;
    int links;  // a detached tmpfs with the links that `data` names; -1: none
};

// Any folder that every host has. The namespace is gone before anybody could miss what lies below.
constexpr const char* kPlace = "/proc";

bool attempt(ChildWork& work) {
    Job& job = static_cast<Job&>(work);
    job.failed = "make mounts private";
    if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return false;
    job.failed = "enter the folder of links";
    if (job.links >= 0 && ::fchdir(job.links) != 0) return false;
    job.failed = "mount";
    if (job.bind) {
        unsigned long recursive = job.recursive_bind ? MS_REC : 0;
        if (::mount(job.source, kPlace, nullptr, MS_BIND | recursive, nullptr) != 0) return false;
        unsigned long remount = MS_REMOUNT | MS_BIND | job.flags;
        if (job.flags != 0 && ::mount(nullptr, kPlace, nullptr, remount, nullptr) != 0) return false;
    } else if (::mount(job.source, kPlace, job.type, job.flags, job.data) != 0) {
        return false;
    }
    job.failed = "clone the mount";
    job.result =
        ::open_tree(AT_FDCWD, kPlace, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (job.bind ? AT_RECURSIVE : 0u));
    return job.result >= 0;
}

// Puts a link to each folder of an overlay into a detached tmpfs, and their short names into the options.
Result<std::string> shorten(int links, const std::vector<std::string>& data) {
    int next = 0;
    auto link = [&](const std::string& folder) -> Result<std::string> {
        std::string name = std::to_string(next++);
        if (::symlinkat(folder.c_str(), links, name.c_str()) != 0) return fail_errno("link " + folder);
        return name;
    };
    std::string out;
    for (const std::string& word : data) {
        if (!out.empty()) out += ',';
        auto equals = word.find('=');
        std::string key = word.substr(0, equals);
        std::string value = equals == word.npos ? "" : word.substr(equals + 1);
        if (key == "lowerdir") {
            std::string names;
            for (const std::string& folder : split_lower_folders(value)) {
                BERTH_TRY(std::string name, link(folder));
                names += (names.empty() ? "" : ":") + name;
            }
            out += "lowerdir=" + names;
        } else if (key == "upperdir" || key == "workdir") {
            BERTH_TRY(std::string name, link(value));
            out += key + "=" + name;
        } else {
            out += word;
        }
    }
    return out;
}

std::string join(const std::vector<std::string>& words) {
    std::string out;
    for (const std::string& word : words) out += (out.empty() ? "" : ",") + word;
    return out;
}

unsigned long super_flags_of(const std::vector<std::string>& words) {
    unsigned long flags = 0;
    for (const std::string& word : words) {
        if (word == "sync") flags |= MS_SYNCHRONOUS;
        if (word == "dirsync") flags |= MS_DIRSYNC;
        if (word == "mand") flags |= MS_MANDLOCK;
        if (word == "lazytime") flags |= MS_LAZYTIME;
        if (word == "iversion") flags |= MS_I_VERSION;
    }
    return flags;
}

}  // namespace

Result<UniqueFd> mount_in_child(const Mount& mount, const MountOptions& options) {
    if (options.bind && (options.set_all | options.clear_all) != 0) {
        return fail(ErrorKind::kNotImplemented, "recursive mount options need Linux 5.12");
    }
    UniqueFd links;
    std::string data;
    if (mount.type == "overlay") {
        BERTH_TRY(links, mount_by_context(Mount{"tmpfs", "tmpfs", "", {}}, MountOptions{}));
        BERTH_TRY(data, shorten(links.get(), options.data));
    } else {
        data = join(options.data);
    }
    const std::string& source = mount.source.empty() ? mount.type : mount.source;
    Job job{{&attempt},
            source.c_str(),
            mount.type.c_str(),
            data.c_str(),
            mount_flags_of(options.set | options.set_all) | super_flags_of(options.super_flags),
            options.bind,
            options.recursive_bind,
            links.get()};
    return in("mount " + (options.bind ? mount.source : mount.type), open_in_child(CLONE_NEWNS, job));
}

}  // namespace berth::sys
