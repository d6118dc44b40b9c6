#include "engine/container/mounting.h"

#include <fcntl.h>

#include "engine/base/files.h"
#include "engine/base/ids.h"
#include "engine/base/log.h"
#include "engine/container/propagation.h"
#include "engine/container/user_space.h"
#include "engine/sys/mount.h"
#include "engine/sys/safe_path.h"

namespace berth::container {

namespace {

constexpr std::size_t kIdLength = 64;

std::string image_key(const std::string& container_id, std::size_t index) {
    return container_id + "-" + std::to_string(index);
}

void publish(const Core& core, const char* action, const MountPoint& mount,
             std::map<std::string, std::string> attributes) {
    events::Event event;
    event.type = "volume";
    event.action = action;
    event.actor_id = mount.name;
    event.attributes = std::move(attributes);
    event.attributes["driver"] = mount.driver;
    core.parts.events.publish(std::move(event));
}

class Preparation {
 public:
    Preparation(const Core& core, const Container& container, int root_fd)
        : core_(core), container_(container), root_fd_(root_fd) {}

    Result<PreparedMounts> run() && {
        out_.mounts = container_.mounts;
        for (std::size_t i = 0; i < out_.mounts.size(); ++i) {
            MountPoint& mount = out_.mounts[i];
            if (mount.type == "volume") BERTH_CHECK(volume(mount));
            if (mount.type == "bind") BERTH_CHECK(bind(mount));
            if (mount.type == "image") BERTH_CHECK(image(mount, i));
        }
        return std::move(out_);
    }

 private:
    Result<> bind(MountPoint& mount) {
        if (mount.create_source && !exists(mount.source)) {
            BERTH_CHECK(in("error while creating mount source path '" + mount.source + "'",
                           make_owned_folders(mount.source, core_.parts.config.ids.root())));
        }
        return check_propagation(mount, core_.parts.config.data_root);
    }

    Result<> volume(MountPoint& mount) {
        auto& volumes = core_.parts.volumes;
        BERTH_TRY(mount.source, in("error while mounting volume '" + mount.source + "'",
                                   volumes.mount(mount.name, container_.id)));
        if (mount.copy_up)
            BERTH_CHECK(volumes.copy_up(mount.name, mount.subpath, root_fd_, mount.destination));
        if (!mount.subpath.empty()) {
            // Other containers may change what lies in the volume: from here on the descriptor counts.
            BERTH_TRY(const UniqueFd inside, volumes.open(mount.name, mount.subpath));
            BERTH_TRY(UniqueFd clone, sys::clone_mount(inside.get()));
            mount.source = hand_over(std::move(clone));
        }
        publish(core_, "mount", mount,
                {{"container", container_.id},
                 {"destination", mount.destination},
                 {"read/write", mount.read_write ? "true" : "false"},
                 {"propagation", mount.propagation}});
        return {};
    }

    Result<> image(MountPoint& mount, std::size_t index) {
        BERTH_TRY(const auto layers, core_.parts.snapshots.mounts(image_key(container_.id, index), ""));
        BERTH_TRY(UniqueFd root, sys::mount_detached(layers));
        std::string inside;
        if (!mount.subpath.empty()) {
            auto found = sys::resolve_in_root(root.get(), mount.subpath);
            if (!found) {
                return fail_errno("cannot access path " + mount.name + "/" + mount.subpath,
                                  found.error().sys_errno);
            }
            // Nobody else has this mount: the path stays what it is, without a link on the way.
            if (*found != "/") inside = *found;
        }
        mount.source = hand_over(std::move(root)) + inside;
        return {};
    }

    std::string hand_over(UniqueFd mount) {
        out_.handed.push_back(std::move(mount));
        return supervisor::handed_mount_path(core_.parts.config.state_root, container_.id,
                                             out_.handed.size() - 1);
    }

    const Core& core_;
    const Container& container_;
    int root_fd_;
    PreparedMounts out_;
};

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

Result<> acquire_image(const Core& core, const std::string& container_id, std::size_t index,
                       MountPoint& mount) {
    BERTH_TRY(const auto image, core.parts.images.resolve(mount.name));
    BERTH_CHECK(core.parts.snapshots.prepare(image_key(container_id, index), image.top));
    mount.source = image.id.text();
    return {};
}

void remove_image_layers(const Core& core, const std::string& container_id) {
    auto snapshots = core.parts.snapshots.list();
    if (!snapshots) return;
    for (const auto& snapshot : *snapshots) {
        if (snapshot.committed || !snapshot.key.starts_with(container_id + "-")) continue;
        if (auto removed = core.parts.snapshots.remove(snapshot.key); !removed)
            log::warning("cannot remove a mounted image's layer", {{"error", removed.error().message}});
    }
}

std::string snapshot_owner(const std::string& key) {
    std::string id = key.substr(0, kIdLength);
    if (!is_id(id)) return "";
    return key.size() == kIdLength || key[kIdLength] == '-' ? id : "";
}

Result<PreparedMounts> prepare_mounts(const Core& core, const Container& container, int root_fd) {
    return Preparation(core, container, root_fd).run();
}

void release_mounts(const Core& core, const Container& container) {
    for (const auto& mount : container.mounts)
        if (mount.type == "volume") publish(core, "unmount", mount, {{"container", container.id}});
    if (auto done = core.parts.volumes.unmount(container.id); !done) {
        log::warning("a volume stays mounted",
                     {{"container", container.id}, {"error", done.error().message}});
    }
}

}  // namespace berth::container
