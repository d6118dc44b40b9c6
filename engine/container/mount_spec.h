#pragma once

#include <string>

#include "engine/container/model.h"

// One mount as a client writes it. Docker's rules and texts; nothing on disk is touched but where it says so.
namespace berth::container {

// `-v`: SOURCE:TARGET[:MODE], or TARGET alone for an anonymous volume. Each of MODE's words may come in any
// order and each kind once: ro|rw, z|Z, a propagation, nocopy, a consistency (which means nothing on Linux).
// `driver`: of volumes; "" is the local one for those that are not there yet.
Result<MountPoint> parse_bind(const std::string& spec, const std::string& driver);

// `--mount`. Looks whether the source of a bind exists unless it may be made.
Result<MountPoint> parse_mount(const types::MountRequest& request);

// `--tmpfs`, one entry of HostConfig.Tmpfs.
Result<MountPoint> parse_tmpfs(const std::string& target, const std::string& options);

// A VOLUME of an image or `Volumes` of a config: always an anonymous volume, whatever the text looks like.
Result<MountPoint> parse_volume(const std::string& target, const std::string& driver);

// `--volumes-from CONTAINER[:MODE]`.
struct VolumesFrom {
    std::string container;  // a name or an ID, not looked up
    bool read_write = true;
};
Result<VolumesFrom> parse_volumes_from(const std::string& spec);

}  // namespace berth::container
