#pragma once

#include <functional>
#include <string>
#include <vector>

#include "engine/base/result.h"
#include "engine/base/unique_fd.h"
#include "engine/cgroup/cgroup.h"
#include "engine/executor/spaces.h"
#include "engine/oci/runtime_spec.h"

namespace berth::executor {

// What the runtime makes for init before the clone, while it still has the host's rights: a detached tree for
// each mount of the spec that needs one (empty otherwise), by its number. Bind mounts of a container in a
// user namespace may have sources that nobody inside can reach; idmapped ones need the host's rights anyway.
// Sources below `root` are left out: what lies there may itself be a mount of the container's, not made yet.
Result<std::vector<UniqueFd>> open_sources(const oci::RuntimeSpec& spec, const Spaces& spaces,
                                           const std::string& root);
// One of them; in the mount namespace of init for those that were left out.
Result<UniqueFd> open_source(const oci::RuntimeSpec& spec, const Spaces& spaces, std::size_t number);

// The nodes that every container has.
const std::vector<oci::Device>& basic_devices();

// The container's file system, made by init in its own mount namespace. Every target is walked inside the
// root by descriptor, checked and mounted on through that same descriptor; nothing of the container can lead
// a mount elsewhere.
class Rootfs {
 public:
    // What others do for it.
    struct Help {
        // Called once, in prepare(): puts the caller into the container's cgroup.
        std::function<Result<>()> join_cgroup;
        // A source that `sources` has left out; after join_cgroup.
        std::function<Result<UniqueFd>(std::size_t number)> ask_source;
    };
    // `sources` as open_sources() gave it.
    Rootfs(const oci::RuntimeSpec& spec, const Spaces& spaces, std::string path,
           const cgroup::Layout& cgroups, const cgroup::Places& places, const std::vector<UniqueFd>& sources,
           Help help)
        : spec_(spec),
          spaces_(spaces),
          path_(std::move(path)),
          cgroups_(cgroups),
          places_(places),
          sources_(sources),
          help_(std::move(help)) {}

    // Propagation, the root as a mount of its own, all mounts, devices and links in /dev.
    Result<> prepare();
    // The root of prepare() as current folder: what hooks before enter() see.
    Result<> go_there() const;
    // Makes it "/", the old root gone. Without `pivot` the root is moved over the old one. In a mount
    // namespace that is the host's it is left where it is and only entered; the caller unmounts it one day.
    Result<> enter(bool pivot);
    // Afterwards, from inside: read-only and masked paths.
    Result<> mask_paths();
    // At last what is to be read-only and had to be written to until now: the root, tmpfs mounts.
    Result<> finish();

 private:
    Result<> join_cgroup();
    Result<> add_mount(std::size_t number);
    // Made if it is not there.
    Result<UniqueFd> target_of(const std::string& destination, bool file);
    Result<UniqueFd> detached_of(std::size_t number, const oci::SpecMount& mount, bool bind);
    Result<> mount_cgroups(const oci::SpecMount& mount, const std::string& destination);
    Result<> mount_hierarchy(const cgroup::Hierarchy& hierarchy, bool readonly, int at);
    Result<> add_devices();
    Result<> add_device(const oci::Device& device);
    Result<> bind_device(const oci::Device& device, int folder, const std::string& name);
    Result<> add_links(int dev);
    // What a path of the spec's means inside; below /proc and /sys whatever the image's names are by now.
    Result<UniqueFd> open_inside(const std::string& path) const;
    Result<> mask(const std::string& path, UniqueFd& empty);
    Result<> make_readonly(const std::string& path);

    const oci::RuntimeSpec& spec_;
    const Spaces& spaces_;
    std::string path_;
    const cgroup::Layout& cgroups_;  // of the host
    const cgroup::Places& places_;
    const std::vector<UniqueFd>& sources_;
    Help help_;
    bool joined_ = false;
    UniqueFd root_;
    std::vector<UniqueFd> readonly_later_;
    std::vector<std::pair<std::string, UniqueFd>>
        kernel_mounts_;  // proc and sysfs, by where they were mounted
};

}  // namespace berth::executor
