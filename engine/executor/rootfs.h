#pragma once

#include <string>

#include "engine/base/result.h"
#include "engine/base/unique_fd.h"
#include "engine/oci/runtime_spec.h"

namespace berth::executor {

// The container's file system, made by init in its own mount namespace. Every target is walked inside the
// root by descriptor and mounted on through it; nothing of the container can lead a mount elsewhere.
class Rootfs {
 public:
    Rootfs(const oci::RuntimeSpec& spec, std::string path, std::string cgroup_path)
        : spec_(spec), path_(std::move(path)), cgroup_path_(std::move(cgroup_path)) {}

    // Propagation, the root as a mount of its own, all mounts, devices and links in /dev.
    Result<> prepare();
    // Makes it "/", the old root gone.
    Result<> enter();
    // Afterwards, from inside: read-only and masked paths, the root read-only if it is to be.
    Result<> seal();

 private:
    Result<> add_mount(const oci::SpecMount& mount);
    Result<UniqueFd> target_of(const oci::SpecMount& mount, bool file);
    Result<> mount_cgroups(const oci::SpecMount& mount);
    Result<> add_devices();
    Result<> add_device(const oci::Device& device);
    Result<> mask(const std::string& path);
    Result<> make_readonly(const std::string& path);

    const oci::RuntimeSpec& spec_;
    std::string path_, cgroup_path_;
    UniqueFd root_;
};

}  // namespace berth::executor
