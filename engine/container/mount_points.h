#pragma once

#include <string>
#include <vector>

#include "engine/container/model.h"

namespace berth::container {

// What a plan needs beside the two configs.
struct MountContext {
    std::string data_root;  // a bind that shows it is a slave, so that the engine's own unmounts get through
    std::vector<MountPoint> inherited;  // of --volumes-from, in the order given; a later target wins
};

// Binds, Mounts, Tmpfs and the VOLUMEs of a config as one list, in the order they are mounted (shorter
// targets first). Volumes without a name get none yet. Docker's texts for what is malformed or mounted twice.
// Touches the disk only to see whether the source of a `--mount type=bind` exists.
Result<std::vector<MountPoint>> plan_mounts(const types::ContainerConfig& config,
                                            const types::HostConfig& host, const MountContext& context = {});

// --volumes-from: what a container takes over of another one's mounts (binds and volumes, at the same
// targets, never filled from the image again; not its tmpfs). `read_write` false: all of them read-only.
// parse_volumes_from() (mount_spec.h) reads the option; the caller looks the other container up and hands
// all of them to plan_mounts() as MountContext::inherited.
std::vector<MountPoint> inherited_mounts(const Container& other, bool read_write);

}  // namespace berth::container
