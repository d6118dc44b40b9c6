#pragma once

#include <string>

#include "engine/base/result.h"
#include "volumes/volume_service.h"

namespace berth::volumes {

// Who makes volumes: "local", or a plugin. Calls for one volume come one after another, those for different
// volumes from any thread at once. Blocking.
class VolumeDriver {
 public:
    virtual ~VolumeDriver() = default;

    // Makes it; `volume.mountpoint` is filled in where the driver knows it already. Nothing is left behind on
    // failure.
    virtual Result<> create(Volume& volume) = 0;
    // One that is not there any more is no error.
    virtual Result<> remove(const Volume& volume) = 0;
    // Where it lies now, and what the driver says about it.
    virtual Result<> refresh(Volume& volume) = 0;

    // false: the contents are always at volume.mountpoint, and mount() and unmount() are never called.
    virtual bool needs_mount(const Volume& volume) = 0;
    // Makes the contents reachable for `user` and says where. Others may have done so already.
    virtual Result<std::string> mount(const Volume& volume, const std::string& user) = 0;
    // `last`: nobody else needs it. What is not mounted is no error.
    virtual Result<> unmount(const Volume& volume, const std::string& user, bool last) = 0;
};

}  // namespace berth::volumes
