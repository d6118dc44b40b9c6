#pragma once

#include <functional>
#include <map>
#include <string>

#include "engine/base/result.h"
#include "volumes/volume_service.h"

namespace berth::volumes {

using Options = std::map<std::string, std::string>;

// Mounts what a local volume's options type, device and o name at `target`, as mount(8) would: any file
// system of the kernel, "bind" and "rbind", a regular file by way of a loop device, nfs and cifs with the
// server's name looked up. In the engine's mount namespace, by `call`. "failed to mount local volume: mount
// SOURCE:TARGET, flags: 0x1000, data: size=1m: no such file or directory"; a password is not shown.
Result<> mount_options(const Options& options, const std::string& target, const MountCall& call);
// Takes away all that is mounted at `target`, also while a container still has it: its own mount stays.
Result<> unmount_at(const std::string& target);
Result<bool> is_mount_point(const std::string& path);

// The kernel's clients of nfs and cifs want addresses: `options` and `device` with a server's name replaced
// by what `look_up` says.
using LookUp = std::function<Result<std::string>(const std::string& name)>;
struct Source {
    std::string device, options;
};
Result<Source> with_address(const std::string& type, Source source, const LookUp& look_up);

}  // namespace berth::volumes
