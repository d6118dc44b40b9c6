#include "engine/confine/file_view.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <string_view>

#include "engine/confine/enclosure.h"
#include "engine/confine/handed_mount.h"
#include "engine/sys/safe_path.h"

namespace berth::confine {

namespace {

struct ViewMount {
    UniqueFd tree;  // nothing yet of a handed one
    sys::Mount mount;
    const std::string& target() const { return mount.target; }
};

// A clone of a shared mount is its peer: what is mounted below it in here would come to be on the host.
Result<> keep_to_ourselves(int mount_fd) {
    struct stat status{};
    if (::fstat(mount_fd, &status) != 0) return fail_errno("stat");
    if (!S_ISDIR(status.st_mode)) return {};
    if (::fchdir(mount_fd) != 0 || ::mount(nullptr, ".", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        ::chdir("/") != 0)
        return fail_errno("make a mount private");
    return {};
}

Result<std::vector<ViewMount>> take_mounts(std::span<char* const> words) {
    std::vector<ViewMount> out;
    std::size_t at = 0;
    while (at + 4 <= words.size()) {
        sys::Mount mount{words[at], words[at + 1], words[at + 2], {}};
        std::size_t count = std::strtoul(words[at + 3], nullptr, 10);
        at += 4;
        if (count > words.size() - at) break;
        for (; count > 0; --count) mount.options.emplace_back(words[at++]);
        UniqueFd tree;
        if (mount.type != kHandedType) {
            BERTH_TRY(tree, in("mount " + mount.target, sys::mount_detached(mount)));
        }
        out.push_back({std::move(tree), std::move(mount)});
    }
    if (at != words.size()) return fail(ErrorKind::kInternal, "berth-helper: mounts are malformed");
    return out;
}

// As a start would make it: a folder for a folder, an empty file for anything else.
Result<UniqueFd> target_of(const ViewMount& mount, const Owner& owner) {
    auto there = sys::open_in_root(kTargetFd, mount.target(), O_PATH);
    if (there || there.error().sys_errno != ENOENT) return there;
    struct stat status{};
    if (::fstat(mount.tree.get(), &status) != 0) return fail_errno("stat");
    if (S_ISDIR(status.st_mode))
        return sys::make_folders_in_root(kTargetFd, mount.target(), 0755, owner.uid, owner.gid);
    auto slash = mount.target().rfind('/');
    BERTH_TRY(UniqueFd folder, sys::make_folders_in_root(kTargetFd, mount.target().substr(0, slash), 0755,
                                                         owner.uid, owner.gid));
    std::string name = mount.target().substr(slash + 1);
    UniqueFd file(::openat(folder.get(), name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755));
    if (!file) return fail_errno("create");
    return sys::open_in_root(kTargetFd, mount.target(), O_PATH);
}

Result<> enter_mounted(std::span<char* const> words, const Owner& owner) {
    // Sources are the host's paths: before its root is left.
    BERTH_TRY(auto mounts, take_mounts(words));
    BERTH_CHECK(leave_namespaces());
    if (::move_mount(kTargetFd, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH) != 0)
        return fail_errno("attach the root");
    BERTH_CHECK(pivot_to(kTargetFd));
    BERTH_CHECK(reopen_root(kTargetFd));
    for (ViewMount& mount : mounts) {
        if (!mount.tree) {
            BERTH_TRY(mount.tree, in("mount " + mount.target(), take_handed(mount.mount, kHandedFd)));
        }
        BERTH_TRY(UniqueFd target, in("mount " + mount.target(), target_of(mount, owner)));
        if (::move_mount(mount.tree.get(), "", target.get(), "",
                         MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) != 0)
            return fail_errno("mount " + mount.target());
        BERTH_CHECK(keep_to_ourselves(mount.tree.get()));
    }
    // "/" by descriptor has what was mounted below it since, but not a mount on itself.
    return reopen_root(kTargetFd);
}

Result<> enter_joined() {
    // Takes the root of the namespace, which is the container's, for "/".
    if (::setns(kTargetFd, CLONE_NEWNS) != 0) return fail_errno("join the container's mounts");
    if (::unshare(CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS) != 0) return fail_errno("unshare");
    return reopen_root(kTargetFd);
}

}  // namespace

void append_view(const FileView& view, std::vector<std::string>& arguments) {
    if (view.mount_namespace) {
        arguments.emplace_back("joined");
        return;
    }
    arguments.insert(arguments.end(), {"mounted", view.read_only_root ? "ro" : "rw"});
    for (const sys::Mount& mount : view.mounts) {
        arguments.insert(arguments.end(),
                         {mount.type, mount.source, mount.target, std::to_string(mount.options.size())});
        arguments.insert(arguments.end(), mount.options.begin(), mount.options.end());
    }
}

Result<ViewRules> enter_view(std::span<char* const> arguments, bool root_alone, const Owner& owner) {
    ViewRules rules;
    std::string_view kind = arguments.empty() ? "" : arguments[0];
    if (kind == "joined" && arguments.size() == 1) {
        BERTH_CHECK(enter_joined());
    } else if (kind == "mounted" && arguments.size() >= 2) {
        rules.read_only_root = std::string_view(arguments[1]) == "ro";
        BERTH_CHECK(enter_mounted(arguments.subspan(2), owner));
    } else {
        return fail(ErrorKind::kInternal, "berth-helper: no view");
    }
    if (root_alone) {
        BERTH_TRY(UniqueFd root, clone_folder("/"));
        if (::dup3(root.get(), kTargetFd, O_CLOEXEC) < 0) return fail_errno("open the root");
    }
    BERTH_CHECK(lock_down(kTargetFd, {}));
    return rules;
}

}  // namespace berth::confine
