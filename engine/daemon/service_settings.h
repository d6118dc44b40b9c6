#pragma once

#include <string>

#include "engine/async/async.h"
#include "engine/container/container_services.h"
#include "engine/daemon/config.h"
#include "engine/plugins/plugin_directory.h"
#include "network/network_service.h"
#include "registry/registry_service.h"
#include "volumes/volume_service.h"

namespace berth::daemon {

// What each service is told of the daemon's settings. Where a service keeps the paths of programs beside the
// daemon's own, the composition fills them in.

// Those that a reload changes.
container::ContainerDefaults container_defaults(const Config& config, bool cgroup_v2);
// Reads the seccomp profile, and checks the options of the log.
Result<container::ContainerConfig> container_config(const Config& config, const std::string& own_init);
network::NetworkConfig network_config(const Config& config);
registry::RegistrySettings registry_settings(const Config& config);
// An engine's own come first, then those that Docker would find.
plugins::PluginFolders plugin_folders(const Config& config);
volumes::VolumeConfig volume_config(IoContext& io, const Config& config, const std::string& helper_path);

}  // namespace berth::daemon
