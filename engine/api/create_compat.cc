#include "engine/api/create_compat.h"

namespace berth::api {

namespace {

Failure bad(std::string message) {
    return fail(ErrorKind::kInvalidArgument, std::move(message));
}

Result<> apply_to_mount(types::MountRequest& mount, ApiVersion version) {
    if (mount.bind_options) {
        auto& bind = *mount.bind_options;
        if (version < ApiVersion{1, 40}) bind.non_recursive = false;
        if (version < ApiVersion{1, 42}) bind.create_mountpoint = false;
        if (version < ApiVersion{1, 44} && bind.read_only_force_recursive)
            return bad("BindOptions.ReadOnlyForceRecursive needs API v1.44 or newer");
    }
    if (version < ApiVersion{1, 42}) {
        if (mount.type != "volume") mount.volume_options.reset();
        if (mount.type != "tmpfs") mount.tmpfs_options.reset();
    } else {
        auto misplaced = [&](const char* options) {
            return bad(std::string(options) + " must not be specified on mount type \"" + mount.type + "\"");
        };
        if (mount.volume_options && mount.type != "volume") return misplaced("VolumeOptions");
        if (mount.bind_options && mount.type != "bind") return misplaced("BindOptions");
        if (mount.tmpfs_options && mount.type != "tmpfs") return misplaced("TmpfsOptions");
    }
    if (version < ApiVersion{1, 45} && mount.volume_options && !mount.volume_options->subpath.empty())
        return bad("VolumeOptions.Subpath needs API v1.45 or newer");
    if (version < ApiVersion{1, 48} && mount.type == "image")
        return bad("Mount type \"Image\" needs API v1.48 or newer");
    return {};
}

// The address of the whole container is that of its main network.
Result<> move_mac_address(container::CreateRequest& request, ApiVersion version,
                          std::vector<std::string>& warnings) {
    std::string& address = request.config.mac_address;
    std::string network = request.host.network_mode;
    if (network.empty() || network == "default") network = "bridge";
    if (address.empty() || network == "host" || network == "none" || network.starts_with("container:"))
        return {};
    if (request.endpoints.contains("default") && network == "bridge") network = "default";
    auto& endpoint = request.endpoints[network];
    if (!endpoint.mac_address.empty() && endpoint.mac_address != address) {
        return bad(
            "the container-wide MAC address must match the endpoint-specific MAC address for the main "
            "network, or be left empty");
    }
    endpoint.mac_address = std::exchange(address, "");
    if (version >= ApiVersion{1, 44}) {
        warnings.emplace_back(
            "The container-wide MacAddress field is now deprecated. It should be specified in "
            "EndpointsConfig "
            "instead.");
    }
    return {};
}

}  // namespace

Result<> apply_create_version(container::CreateRequest& request, ApiVersion version,
                              std::vector<std::string>& warnings) {
    for (auto& mount : request.host.mounts) BERTH_CHECK(apply_to_mount(mount, version));
    if (version < ApiVersion{1, 40} && request.host.ipc_mode.empty()) request.host.ipc_mode = "shareable";
    if (version < ApiVersion{1, 41}) request.platform.reset();
    if (version < ApiVersion{1, 42}) request.host.console_size.clear();
    if (version < ApiVersion{1, 43}) request.host.annotations.clear();
    if (version < ApiVersion{1, 44}) {
        if (request.config.healthcheck) request.config.healthcheck->start_interval = 0;
        if (request.endpoints.size() > 1) {
            std::string names;
            for (const auto& [name, endpoint] : request.endpoints)
                names += (names.empty() ? "" : ", ") + name;
            return bad("Container cannot be created with multiple network endpoints: " + names);
        }
    }
    if (version < ApiVersion{1, 48})
        for (auto& [name, endpoint] : request.endpoints) endpoint.gw_priority = 0;
    return move_mac_address(request, version, warnings);
}

}  // namespace berth::api
