#pragma once

#include <string>

#include "engine/base/id_maps.h"
#include "engine/base/result.h"
#include "engine/container/core.h"
#include "engine/sys/mount.h"

namespace berth::container {

// What Docker has in every container's root, whatever its image: /.dockerenv, /etc/mtab, and the places where
// mounts go. It is one layer below those of all images, so that no container has to make any of it.

// Makes DATA/scaffold, or what is missing in it. Its files belong to `owner`.
Result<> lay_scaffold(const std::string& data_root, const Owner& owner);

// Its path; "" when it could not be made.
std::string scaffold(const std::string& data_root);

// The container's root file system, for mount_detached().
Result<sys::Mount> root_mount(const Core& core, const std::string& container_id);

}  // namespace berth::container
