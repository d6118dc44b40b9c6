#include <fcntl.h>
#include <fmt/format.h>
#include <linux/magic.h>
#include <linux/mount.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "engine/executor/bind_words.h"
#include "engine/executor/copy_up.h"
#include "engine/executor/id_maps.h"
#include "engine/executor/make_target.h"
#include "engine/executor/mount_calls.h"
#include "engine/executor/rootfs.h"
#include "engine/sys/mount.h"
#include "engine/sys/mount_options.h"
#include "engine/sys/proc_files.h"
#include "engine/sys/safe_path.h"

namespace berth::executor {

namespace {

Failure bad(std::string message) {
    return fail(ErrorKind::kInvalidArgument, std::move(message));
}

// The mount that is about to lie at `real`, checked by what it is and where it goes, both held by descriptor.
Result<> check_proc(const std::string& real, int mount_fd) {
    if (sys::may_mount_over(real)) return {};
    if (real != "/proc") {
        return bad("\"" + real + "\" cannot be mounted because it is inside /proc");
    }
    struct statfs kind{};
    if (::fstatfs(mount_fd, &kind) != 0) return fail_errno("statfs");
    if (kind.f_type != PROC_SUPER_MAGIC)
        return bad("\"/proc\" cannot be mounted because it is not of type proc");
    return {};
}

// "/a//b/./" as "/a/b"; ".." stays, for the walk inside the root to resolve.
std::string tidy(const std::string& path) {
    std::string out;
    for (std::size_t at = 0; at < path.size();) {
        auto end = std::min(path.find('/', at), path.size());
        std::string name = path.substr(at, end - at);
        at = end + 1;
        if (!name.empty() && name != ".") out += "/" + name;
    }
    return out.empty() ? "/" : out;
}

bool is_bind(const oci::SpecMount& mount, const sys::MountOptions& options) {
    return options.bind || mount.type == "bind";
}

bool is_idmapped(const oci::SpecMount& mount, const sys::MountOptions& options) {
    return options.idmap || !mount.uid_mappings.empty() || !mount.gid_mappings.empty();
}

// Whether somebody with the host's rights has to make it.
bool needs_source(const Spaces& spaces, const oci::SpecMount& mount, const sys::MountOptions& options) {
    bool user = spaces.has(CLONE_NEWUSER) && spaces.by_root;
    return is_bind(mount, options) && (user || is_idmapped(mount, options));
}

Result<> check_bind(const oci::SpecMount& mount, const sys::MountOptions& options) {
    if (!is_bind(mount, options)) {
        if (is_idmapped(mount, options)) return bad("id-mapped mounts are only supported for bind-mounts");
        return {};
    }
    for (const std::string& word : options.data) {
        if (word != "acl" && word != "noacl")
            return bad("bind mounts cannot have any filesystem-specific options applied: " + word);
    }
    return {};
}

Result<UniqueFd> clone_source(const oci::SpecMount& mount, const sys::MountOptions& options, bool locked) {
    BERTH_TRY(std::vector<std::string> words, bind_words(mount, options, locked));
    std::erase(words, "acl");
    std::erase(words, "noacl");
    // A bind is of the whole tree unless it says otherwise.
    if (!options.bind) words.emplace_back("rbind");
    return sys::mount_detached({"bind", mount.source, "", words});
}

// The mappings of the mount's own, else those of the container's user namespace.
Result<> map_ids(const oci::RuntimeSpec& spec, const Spaces& spaces, const oci::SpecMount& mount,
                 bool recursive, int tree) {
    bool own = !mount.uid_mappings.empty() || !mount.gid_mappings.empty();
    if (own && (mount.uid_mappings.empty() || mount.gid_mappings.empty()))
        return bad("id-mapped mounts must have both uid and gid mappings specified");
    const Spaces::Joined* joined = spaces.join_of(CLONE_NEWUSER);
    if (!own && !spaces.has(CLONE_NEWUSER))
        return bad("id-mapped mounts must have mappings of their own, or those of a user namespace");
    UniqueFd space;
    if (!own && joined != nullptr) {
        space.reset(::open(joined->path.c_str(), O_RDONLY | O_CLOEXEC));
        if (!space) return fail_errno("open " + joined->path);
    } else {
        BERTH_TRY(space, make_empty_user_space(own ? mount.uid_mappings : spec.linux_.uid_mappings,
                                               own ? mount.gid_mappings : spec.linux_.gid_mappings));
    }
    mount_attr attributes{};
    attributes.attr_set = MOUNT_ATTR_IDMAP;
    attributes.userns_fd = static_cast<std::uint64_t>(space.get());
    unsigned flags = AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0U);
    if (::mount_setattr(tree, "", flags, &attributes, sizeof attributes) != 0)
        return fail_errno("failed to set MOUNT_ATTR_IDMAP on " + mount.source);
    return {};
}

// Without a mode of its own a tmpfs has that of the folder it covers.
std::vector<std::string> with_mode_of_folder(std::vector<std::string> words, int root,
                                             const std::string& destination) {
    bool own = std::any_of(words.begin(), words.end(), [](auto& word) { return word.starts_with("mode="); });
    auto folder = own ? Result<UniqueFd>() : sys::open_in_root(root, destination, O_PATH | O_DIRECTORY);
    struct stat status{};
    if (own || !folder || ::fstat(folder->get(), &status) != 0) return words;
    words.push_back(fmt::format("mode={:o}", status.st_mode & 07777));
    return words;
}

}  // namespace

Result<UniqueFd> open_source(const oci::RuntimeSpec& spec, const Spaces& spaces, std::size_t number) {
    const oci::SpecMount& mount = spec.mounts[number];
    BERTH_TRY(sys::MountOptions options, sys::parse_mount_options(mount.options));
    BERTH_CHECK(check_bind(mount, options));
    if (!needs_source(spaces, mount, options)) return UniqueFd();
    BERTH_TRY(UniqueFd tree, clone_source(mount, options, spaces.has(CLONE_NEWUSER)));
    if (is_idmapped(mount, options))
        BERTH_CHECK(map_ids(spec, spaces, mount, options.idmap.value_or(false), tree.get()));
    return tree;
}

Result<std::vector<UniqueFd>> open_sources(const oci::RuntimeSpec& spec, const Spaces& spaces,
                                           const std::string& root) {
    std::vector<UniqueFd> out(spec.mounts.size());
    for (std::size_t i = 0; i < spec.mounts.size(); ++i) {
        const oci::SpecMount& mount = spec.mounts[i];
        if (mount.source.starts_with(root + "/")) continue;
        auto tree = open_source(spec, spaces, i);
        if (!tree) {
            return Failure(std::move(tree.error())
                               .in("error mounting \"" + mount.source + "\" to rootfs at \"" +
                                   mount.destination + "\""));
        }
        out[i] = std::move(*tree);
    }
    return out;
}

Result<UniqueFd> Rootfs::target_of(const std::string& destination, bool file) {
    auto there = sys::open_in_root(root_.get(), destination, O_PATH | (file ? 0 : O_DIRECTORY));
    if (there || there.error().sys_errno != ENOENT) return there;
    return in("mkdir " + destination, make_target(root_.get(), destination, file));
}

Result<UniqueFd> Rootfs::detached_of(std::size_t number, const oci::SpecMount& mount, bool bind) {
    if (sources_[number]) return sources_[number].duplicate();
    BERTH_TRY(sys::MountOptions options, sys::parse_mount_options(mount.options));
    if (bind && needs_source(spaces_, mount, options)) {
        BERTH_CHECK(join_cgroup());
        return help_.ask_source(number);
    }
    if (bind) return clone_source(mount, options, spaces_.has(CLONE_NEWUSER));
    std::vector<std::string> words = mount.options;
    if (mount.type == "tmpfs") {
        // Later mounts may need folders in it.
        std::erase(words, "ro");
        words = with_mode_of_folder(std::move(words), root_.get(), mount.destination);
    }
    if (!spec_.linux_.mount_label.empty() && mount.type != "proc" && mount.type != "sysfs")
        words.push_back("context=" + spec_.linux_.mount_label);
    return sys::mount_detached({mount.type, mount.source, "", words});
}

Result<> Rootfs::add_mount(std::size_t number) {
    const oci::SpecMount& mount = spec_.mounts[number];
    std::string destination = tidy(mount.destination);
    if (mount.type == "cgroup" || mount.type == "cgroup2") {
        BERTH_CHECK(join_cgroup());
        return mount_cgroups(mount, destination);
    }
    BERTH_TRY(sys::MountOptions options, sys::parse_mount_options(mount.options));
    bool bind = is_bind(mount, options);
    BERTH_TRY(UniqueFd detached, detached_of(number, mount, bind));
    struct stat status{};
    if (::fstat(detached.get(), &status) != 0) return fail_errno("stat " + mount.source);
    BERTH_TRY(UniqueFd target, target_of(destination, !S_ISDIR(status.st_mode)));
    BERTH_TRY(std::string real, sys::path_in_root(root_.get(), target.get()));
    if ((mount.type == "proc" || mount.type == "sysfs") && real != destination)
        return bad("filesystem \"" + mount.type + "\" must be mounted on ordinary directory");
    BERTH_CHECK(check_proc(real, detached.get()));
    if (options.copy_up) {
        if (mount.type != "tmpfs") return bad("tmpcopyup is only supported for tmpfs");
        // The copy is the container's memory.
        BERTH_CHECK(join_cgroup());
        BERTH_CHECK(
            in("tmpcopyup: copy \"" + mount.destination + "\"", copy_up(target.get(), detached.get())));
    }
    BERTH_CHECK(attach(detached.get(), target.get()));
    // One that was made outside: nothing that is mounted below it inside may appear among the host's.
    if (bind && needs_source(spaces_, mount, options))
        BERTH_CHECK(set_propagation(detached.get(), MS_SLAVE | MS_REC));
    for (unsigned long flags : options.propagation) BERTH_CHECK(set_propagation(detached.get(), flags));
    bool readonly = std::find(mount.options.begin(), mount.options.end(), "ro") != mount.options.end();
    if (mount.type == "tmpfs" && readonly) {
        readonly_later_.push_back(std::move(detached));
    } else if (mount.type == "proc" || mount.type == "sysfs") {
        kernel_mounts_.emplace_back(real, std::move(detached));
    }
    return {};
}

Result<> Rootfs::mount_hierarchy(const cgroup::Hierarchy& hierarchy, bool readonly, int at) {
    std::vector<std::string> words = {"nosuid", "nodev", "noexec"};
    if (readonly) words.emplace_back("ro");
    auto place = places_.find(hierarchy.mount_point);
    sys::Mount bind{"bind", hierarchy.mount_point + (place == places_.end() ? "" : place->second), "", words};
    bind.options.emplace_back("bind");
    if (!spaces_.has(CLONE_NEWCGROUP)) {
        // Without a namespace of its own the container's cgroup is all that it sees.
        BERTH_TRY(UniqueFd fd, sys::mount_detached(bind));
        return attach(fd.get(), at);
    }
    sys::Mount own{hierarchy.unified ? "cgroup2" : "cgroup", "cgroup", "", words};
    for (const std::string& controller : hierarchy.controllers) own.options.push_back(controller);
    auto fd = sys::mount_detached(own);
    // In a user namespace that does not own the cgroup namespace.
    if (!fd && (fd.error().sys_errno == EPERM || fd.error().sys_errno == EBUSY))
        fd = sys::mount_detached(bind);
    if (!fd) return Failure(std::move(fd.error()));
    return attach(fd->get(), at);
}

// Version 2: one mount. Version 1: a tmpfs with a folder a hierarchy.
Result<> Rootfs::mount_cgroups(const oci::SpecMount& mount, const std::string& destination) {
    BERTH_TRY(UniqueFd target, target_of(destination, false));
    BERTH_TRY(std::string real, sys::path_in_root(root_.get(), target.get()));
    if (real == "/proc" || real.starts_with("/proc/"))
        return bad("\"" + real + "\" cannot be mounted because it is inside /proc");
    bool readonly = std::find(mount.options.begin(), mount.options.end(), "ro") != mount.options.end();
    if (cgroups_.unified_only()) return mount_hierarchy(cgroups_.hierarchies.front(), readonly, target.get());
    BERTH_TRY(UniqueFd tmpfs,
              sys::mount_detached({"tmpfs", "tmpfs", "", {"nosuid", "nodev", "noexec", "mode=755"}}));
    BERTH_CHECK(attach(tmpfs.get(), target.get()));
    for (const cgroup::Hierarchy& hierarchy : cgroups_.hierarchies) {
        std::string name = hierarchy.mount_point.substr(hierarchy.mount_point.rfind('/') + 1);
        if (::mkdirat(tmpfs.get(), name.c_str(), 0755) != 0 && errno != EEXIST)
            return fail_errno("mkdir " + name);
        UniqueFd at(::openat(tmpfs.get(), name.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
        if (!at) return fail_errno("open " + name);
        BERTH_CHECK(mount_hierarchy(hierarchy, readonly, at.get()));
        // "cpu,cpuacct" is found under each of its names.
        for (const std::string& controller : hierarchy.controllers) {
            if (controller != name && controller.find('=') == std::string::npos) {
                if (::symlinkat(name.c_str(), tmpfs.get(), controller.c_str()) != 0 && errno != EEXIST)
                    return fail_errno("symlink " + controller);
            }
        }
    }
    return readonly ? sys::set_mount_attributes(tmpfs.get(), MOUNT_ATTR_RDONLY, 0, false) : Result<>();
}

}  // namespace berth::executor
