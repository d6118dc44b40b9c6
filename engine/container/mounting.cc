#include "engine/container/mounting.h"

#include "engine/base/files.h"
#include "engine/base/ids.h"
#include "engine/container/propagation.h"

namespace berth::container {

namespace {

Result<> prepare_bind(const MountPoint& mount) {
    if (!mount.create_source || exists(mount.source)) return {};
    return in("error while creating mount source path '" + mount.source + "'",
              make_folders(mount.source, 0755));
}

Result<> prepare_volume(const Core& core, const Container& container, int root_fd, MountPoint& mount) {
    BERTH_TRY(mount.source, in("error while mounting volume '" + mount.source + "'",
                               core.parts.volumes.mount(mount.name, container.id)));
    if (!mount.subpath.empty())
        return fail(ErrorKind::kNotImplemented, "VolumeOptions.Subpath is not supported yet");
    if (!mount.copy_up) return {};
    return core.parts.volumes.copy_up(mount.name, mount.subpath, root_fd, mount.destination);
}

}  // namespace

Result<> acquire_volume(const Core& core, const std::string& container_id, MountPoint& mount) {
    volumes::NewVolume wanted{mount.name, mount.driver, mount.volume_options, mount.volume_labels};
    if (wanted.name.empty()) {
        wanted.name = mount.name = new_id();
        wanted.labels.emplace("com.docker.volume.anonymous", "");
    }
    BERTH_TRY(auto volume, core.parts.volumes.acquire(std::move(wanted), container_id));
    mount.source = volume.mountpoint;
    mount.driver = volume.driver;
    return {};
}

Result<std::vector<MountPoint>> prepare_mounts(const Core& core, const Container& container, int root_fd) {
    std::vector<MountPoint> mounts = container.mounts;
    for (auto& mount : mounts) {
        if (mount.type == "volume") BERTH_CHECK(prepare_volume(core, container, root_fd, mount));
        if (mount.type == "bind") BERTH_CHECK(prepare_bind(mount));
        if (mount.type == "image")
            return fail(ErrorKind::kNotImplemented, "image mounts are not supported yet");
        if (mount.type == "bind") BERTH_CHECK(check_propagation(mount, core.parts.config.data_root));
    }
    return mounts;
}

}  // namespace berth::container
