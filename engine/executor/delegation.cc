#include "engine/executor/delegation.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/files.h"

namespace berth::executor {

namespace {

bool wants_cgroups(const oci::RuntimeSpec& spec) {
    const auto own = [](const oci::Namespace& space) { return space.type == "cgroup" && space.path.empty(); };
    const auto writable = [](const oci::SpecMount& mount) {
        return (mount.type == "cgroup" || mount.type == "cgroup2") && mount.destination == "/sys/fs/cgroup" &&
               std::find(mount.options.begin(), mount.options.end(), "ro") == mount.options.end();
    };
    const auto& spaces = spec.linux_.namespaces;
    return std::any_of(spaces.begin(), spaces.end(), own) &&
           std::any_of(spec.mounts.begin(), spec.mounts.end(), writable);
}

std::optional<uid_t> outside(const oci::RuntimeSpec& spec) {
    const uid_t inside = spec.process->user.uid;
    for (const oci::IdMapping& map : spec.linux_.uid_mappings)
        if (inside >= map.container_id && inside - map.container_id < map.size)
            return map.host_id + (inside - map.container_id);
    return {};
}

std::vector<std::string> delegated_files() {
    auto text = read_file("/sys/kernel/cgroup/delegate", 4096);
    std::vector<std::string> out;
    std::string rest = text ? *text : "cgroup.procs\ncgroup.subtree_control\ncgroup.threads\n";
    for (std::size_t at = 0; at < rest.size();) {
        const std::size_t end = std::min(rest.find('\n', at), rest.size());
        if (end > at) out.push_back(rest.substr(at, end - at));
        at = end + 1;
    }
    return out;
}

}  // namespace

Result<> delegate_cgroup(const oci::RuntimeSpec& spec, const cgroup::Cgroup& group) {
    if (!group.unified_only() || spec.linux_.uid_mappings.empty() || !wants_cgroups(spec)) return {};
    const auto owner = outside(spec);
    if (!owner) return {};
    constexpr auto kKeep = static_cast<gid_t>(-1);
    for (const auto& folder : group.folders()) {
        if (::chown(folder.path.c_str(), *owner, kKeep) != 0) return fail_errno("chown " + folder.path);
        for (const auto& name : delegated_files()) {
            const std::string path = folder.path + "/" + name;
            if (::chown(path.c_str(), *owner, kKeep) != 0 && errno != ENOENT)
                return fail_errno("chown " + path);
        }
    }
    return {};
}

}  // namespace berth::executor
