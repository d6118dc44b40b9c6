#include "engine/container/mount_points.h"

#include <algorithm>
#include <map>
#include <set>

#include "engine/container/mount_spec.h"

namespace berth::container {

namespace {

bool is_below(const std::string& path, const std::string& folder) {
    return path == folder || folder == "/" || path.starts_with(folder + "/");
}

// The mounts of one container, by target.
class Plan {
 public:
    explicit Plan(const MountContext& context) : context_(context) {
        for (const auto& mount : context.inherited) by_target_[mount.destination] = mount;
    }

    // What the client asks for takes the place of what is inherited; asked for twice it is refused.
    // `target`: in the client's words.
    Result<> add(MountPoint mount, const std::string& target) {
        if (!asked_.insert(mount.destination).second)
            return fail(ErrorKind::kInvalidArgument, "Duplicate mount point: " + target);
        if (mount.type == "bind" && !mount.own_propagation && !context_.data_root.empty() &&
            is_below(context_.data_root, mount.source)) {
            mount.propagation = "rslave";
        }
        auto target_of = mount.destination;
        by_target_[std::move(target_of)] = std::move(mount);
        return {};
    }
    bool has(const std::string& target) const { return by_target_.contains(target); }
    bool asked(const std::string& target) const { return asked_.contains(target); }

    std::vector<MountPoint> ordered() && {
        std::vector<MountPoint> out;
        for (auto& [target, mount] : by_target_) out.push_back(std::move(mount));
        auto depth = [](const MountPoint& mount) {
            return std::count(mount.destination.begin(), mount.destination.end(), '/');
        };
        std::stable_sort(out.begin(), out.end(),
                         [&](const auto& a, const auto& b) { return depth(a) < depth(b); });
        return out;
    }

 private:
    const MountContext& context_;
    std::map<std::string, MountPoint> by_target_;
    std::set<std::string> asked_;
};

// Docker's status for a `-v` that it cannot read is 500. A target that nobody may have is refused as such.
Failure refused_bind(Error error) {
    if (error.message.find("inside /proc") == error.message.npos) error.kind = ErrorKind::kInternal;
    return Failure(std::move(error));
}

}  // namespace

Result<std::vector<MountPoint>> plan_mounts(const types::ContainerConfig& config,
                                            const types::HostConfig& host, const MountContext& context) {
    Plan plan(context);
    std::vector<MountPoint> tmpfs;
    for (const auto& [target, options] : host.tmpfs) {
        BERTH_TRY(auto mount, parse_tmpfs(target, options));
        tmpfs.push_back(std::move(mount));
    }
    for (const auto& spec : host.binds) {
        auto parsed = parse_bind(spec, host.volume_driver);
        if (!parsed) return refused_bind(std::move(parsed.error()));
        MountPoint mount = std::move(*parsed);
        bool twice = std::any_of(tmpfs.begin(), tmpfs.end(), [&](const MountPoint& other) {
            return other.destination == mount.destination;
        });
        const std::string target = mount.destination;
        if (twice) return fail(ErrorKind::kInvalidArgument, "Duplicate mount point: " + target);
        BERTH_CHECK(plan.add(std::move(mount), target));
    }
    for (const auto& request : host.mounts) {
        BERTH_TRY(auto mount, parse_mount(request));
        BERTH_CHECK(plan.add(std::move(mount), request.target));
    }
    // Docker lets both stand; the one with options of its own is what the user sees.
    for (auto& mount : tmpfs) {
        const std::string target = mount.destination;
        if (!plan.asked(target)) BERTH_CHECK(plan.add(std::move(mount), target));
    }
    for (const auto& target : config.volumes) {
        BERTH_TRY(auto mount, parse_volume(target, host.volume_driver));
        const std::string clean = mount.destination;
        if (!plan.has(clean)) BERTH_CHECK(plan.add(std::move(mount), clean));
    }
    return std::move(plan).ordered();
}

std::vector<MountPoint> inherited_mounts(const Container& other, bool read_write) {
    std::vector<MountPoint> out;
    for (const auto& mount : other.mounts) {
        if (mount.type == "tmpfs") continue;
        out.push_back(mount);
        out.back().copy_up = false;
        out.back().mode.clear();
        out.back().read_write = mount.read_write && read_write;
    }
    return out;
}

}  // namespace berth::container
