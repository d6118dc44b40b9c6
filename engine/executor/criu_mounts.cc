#include "engine/executor/criu_mounts.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "engine/base/files.h"
#include "engine/executor/make_target.h"
#include "engine/executor/mount_calls.h"
#include "engine/executor/rootfs.h"
#include "engine/sys/mount_options.h"
#include "engine/sys/safe_path.h"

namespace berth::executor {

namespace {

bool has_word(const oci::SpecMount& mount, const char* word) {
    return std::find(mount.options.begin(), mount.options.end(), word) != mount.options.end();
}

bool is_bind(const oci::SpecMount& mount) {
    return mount.type == "bind" || has_word(mount, "bind") || has_word(mount, "rbind");
}

void add(CriuMessage& options, const std::string& inside, const std::string& outside) {
    CriuMessage one;
    options.message(23, one.text(1, inside).text(2, outside));
}

// Version 1 without a namespace of its own: a bind of each hierarchy.
Result<std::vector<std::pair<std::string, std::string>>> cgroup_binds(const oci::RuntimeSpec& spec,
                                                                      const ContainerState& state,
                                                                      const std::string& destination) {
    std::vector<std::pair<std::string, std::string>> out;
    const cgroup::Layout& layout = state.layout;
    bool own = std::any_of(spec.linux_.namespaces.begin(), spec.linux_.namespaces.end(),
                           [](const oci::Namespace& space) { return space.type == "cgroup"; });
    if (layout.unified_only() || own) return out;
    for (const cgroup::Hierarchy& hierarchy : layout.hierarchies) {
        auto place = state.places.find(hierarchy.mount_point);
        std::string name = hierarchy.mount_point.substr(hierarchy.mount_point.rfind('/'));
        out.emplace_back(destination + name,
                         hierarchy.mount_point + (place == state.places.end() ? "" : place->second));
    }
    return out;
}

// All that is bound in from outside, by its place inside and its source.
Result<std::vector<std::pair<std::string, std::string>>> outside_mounts(const oci::RuntimeSpec& spec,
                                                                        const ContainerState& state) {
    std::vector<std::pair<std::string, std::string>> out;
    BERTH_TRY(UniqueFd root, open_file(state.rootfs, O_PATH | O_DIRECTORY));
    for (const oci::SpecMount& mount : spec.mounts) {
        std::string inside = sys::resolve_in_root(root.get(), mount.destination).value_or(mount.destination);
        if (mount.type == "cgroup") {
            BERTH_TRY(auto binds, cgroup_binds(spec, state, inside));
            out.insert(out.end(), binds.begin(), binds.end());
        } else if (is_bind(mount)) {
            out.emplace_back(std::move(inside), mount.source);
        }
    }
    // Nodes of a user namespace are binds; of others criu does not mind to hear.
    for (const auto* devices : {&spec.linux_.devices, &basic_devices()}) {
        for (const oci::Device& device : *devices) out.emplace_back(device.path, device.path);
    }
    return out;
}

bool lies_on_tmpfs(const oci::RuntimeSpec& spec, const std::string& path) {
    return std::any_of(spec.mounts.begin(), spec.mounts.end(), [&](const oci::SpecMount& mount) {
        return mount.type == "tmpfs" && path.starts_with(mount.destination + "/");
    });
}

// As create does it; a bind is mounted for what has to be made inside it.
Result<> make_targets(const oci::RuntimeSpec& spec, const std::string& rootfs) {
    BERTH_TRY(UniqueFd root, open_file(rootfs, O_PATH | O_DIRECTORY));
    std::vector<UniqueFd> mounted;
    for (const oci::SpecMount& mount : spec.mounts) {
        if (mount.type == "cgroup" || mount.type == "cgroup2" || lies_on_tmpfs(spec, mount.destination))
            continue;
        UniqueFd source;
        struct stat status{};
        if (is_bind(mount)) {
            BERTH_TRY(source, open_file(mount.source, O_PATH));
            if (::fstat(source.get(), &status) != 0) return fail_errno("stat " + mount.source);
        }
        bool file = source && !S_ISDIR(status.st_mode);
        auto target = sys::open_in_root(root.get(), mount.destination, O_PATH);
        if (!target) target = make_target(root.get(), mount.destination, file);
        if (!target) return Failure(std::move(target.error()).in("make " + mount.destination));
        if (!source) continue;
        BERTH_TRY(UniqueFd tree, clone_mount(source.get(), true));
        BERTH_CHECK(in("mount " + mount.source, attach(tree.get(), target->get())));
        mounted.push_back(std::move(tree));
    }
    for (; !mounted.empty(); mounted.pop_back()) ::umount2(fd_path(mounted.back().get()).c_str(), MNT_DETACH);
    return {};
}

}  // namespace

Result<> name_mounts(CriuMessage& options, const oci::RuntimeSpec& spec, const ContainerState& state) {
    BERTH_TRY(auto mounts, outside_mounts(spec, state));
    for (const auto& [inside, outside] : mounts) add(options, inside, inside);
    for (const std::string& path : spec.linux_.masked_paths) {
        struct stat status{};
        bool file = ::stat(("/proc/" + std::to_string(state.pid) + "/root" + path).c_str(), &status) == 0 &&
                    !S_ISDIR(status.st_mode);
        if (file) add(options, path, "/dev/null");
    }
    return {};
}

Result<> give_mounts(CriuMessage& options, const oci::RuntimeSpec& spec, const ContainerState& state) {
    BERTH_TRY(auto mounts, outside_mounts(spec, state));
    for (const auto& [inside, outside] : mounts) add(options, inside, outside);
    if (!spec.linux_.masked_paths.empty()) add(options, "/dev/null", "/dev/null");
    return {};
}

Result<RestoreSpace> RestoreSpace::enter(const oci::RuntimeSpec& spec, const ContainerState& state,
                                         const std::string& place) {
    RestoreSpace out;
    BERTH_TRY(out.own_, open_file("/proc/self/ns/mnt", O_RDONLY));
    BERTH_TRY(out.folder_, open_file(".", O_PATH | O_DIRECTORY));
    if (::unshare(CLONE_NEWNS) != 0) return fail_errno("unshare the mount namespace");
    auto made = [&]() -> Result<> {
        if (::mount(nullptr, "/", nullptr, MS_SLAVE | MS_REC, nullptr) != 0)
            return fail_errno("make the mounts slaves");
        BERTH_CHECK(make_targets(spec, state.rootfs));
        if (::mkdir(place.c_str(), 0755) != 0 && errno != EEXIST) return fail_errno("mkdir " + place);
        if (::mount(state.rootfs.c_str(), place.c_str(), nullptr, MS_BIND | MS_REC, nullptr) != 0)
            return fail_errno("bind the root");
        return {};
    }();
    if (made) return out;
    BERTH_CHECK(out.leave());
    return Failure(std::move(made.error()));
}

Result<> RestoreSpace::leave() {
    if (::setns(own_.get(), CLONE_NEWNS) != 0 || ::fchdir(folder_.get()) != 0)
        return fail_errno("return to the own mount namespace");
    return {};
}

}  // namespace berth::executor
