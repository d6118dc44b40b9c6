#pragma once

#include <string>
#include <vector>

#include "engine/container/core.h"

// A container's mounts turned into something to mount: volumes made and mounted, sources that exist.
// Blocking: on the pool.
namespace berth::container {

// Names an anonymous volume, makes what is missing and refers to it for the container, for as long as the
// container is there.
Result<> acquire_volume(const Core& core, const std::string& container_id, MountPoint& mount);

// Takes the image that is to be mounted, as number `index` of the container's mounts: its layers stay as long
// as the container is there (remove_image_layers()).
Result<> acquire_image(const Core& core, const std::string& container_id, std::size_t index,
                       MountPoint& mount);
void remove_image_layers(const Core& core, const std::string& container_id);
// The container that a snapshot belongs to, by its key: its own, or one of an image it mounts; else "".
std::string snapshot_owner(const std::string& key);

// For a start: the container's mounts with their sources as they are now, and the descriptors that some of
// them are. Volumes are mounted (the caller calls release_mounts() when the start fails) and filled from
// `root_fd`, missing folders of `-v` are made.
struct PreparedMounts {
    std::vector<MountPoint> mounts;
    std::vector<UniqueFd> handed;
};
Result<PreparedMounts> prepare_mounts(const Core& core, const Container& container, int root_fd);
// After its run.
void release_mounts(const Core& core, const Container& container);

}  // namespace berth::container
