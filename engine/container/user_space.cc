#include "engine/container/user_space.h"

#include <unistd.h>

#include <vector>

#include "engine/base/files.h"

namespace berth::container {

const IdMaps& maps_of(const ContainerConfig& config, const types::HostConfig& host) {
    static const IdMaps kNone;
    return host.userns_mode == "host" ? kNone : config.ids;
}

Result<> check_user_space(const types::HostConfig& host, const ContainerConfig& config) {
    if (maps_of(config, host).empty()) return {};
    const auto refuse = [](const char* why) { return fail(ErrorKind::kInvalidArgument, why); };
    if (host.privileged) {
        return refuse(
            "privileged mode is incompatible with user namespaces.  You must run the container in the host "
            "namespace when running privileged mode");
    }
    if (host.network_mode == "host")
        return refuse("cannot share the host's network namespace when user namespaces are enabled");
    if (host.pid_mode == "host")
        return refuse("cannot share the host PID namespace when user namespaces are enabled");
    return {};
}

Result<> check_mapped(const IdMaps& ids, const oci::User& user) {
    const auto missing = [](const char* what, const char* whom) {
        return fail(
            ErrorKind::kInternal,
            std::string("failed to create task for container: failed to create shim task: OCI runtime "
                        "create failed: runc create failed: unable to start container process: unable "
                        "to setup user: cannot set ") +
                what + " to unmapped " + whom + " in user namespace");
    };
    if (!ids.outside({user.uid, 0})) return missing("uid", "user");
    if (!ids.outside({0, user.gid})) return missing("gid", "group");
    for (const gid_t group : user.additional_gids)
        if (!ids.outside({0, group})) return missing("gid", "group");
    return {};
}

Result<std::unique_ptr<sys::UserSpace>> make_user_space(const IdMaps& ids, const ContainerPtr& other) {
    if (ids.empty()) return nullptr;
    if (!other) {
        BERTH_TRY(auto made, sys::UserSpace::make(ids));
        return std::make_unique<sys::UserSpace>(std::move(made));
    }
    if (other->host.userns_mode == "host") {
        return fail(ErrorKind::kInternal,
                    "cannot share namespaces of container " + other->id +
                        ": it is in the host's user namespace, which --userns=host joins");
    }
    BERTH_TRY(auto joined, sys::UserSpace::join("/proc/" + std::to_string(other->state.pid) + "/ns/user"));
    return std::make_unique<sys::UserSpace>(std::move(joined));
}

Result<> make_owned_folders(const std::string& path, const Owner& owner) {
    std::vector<std::string> missing;
    for (std::string at = path; !at.empty() && !exists(at);
         at.resize(at.rfind('/') == at.npos ? 0 : at.rfind('/')))
        missing.push_back(at);
    BERTH_CHECK(make_folders(path, 0755));
    if (owner == Owner()) return {};
    for (const auto& folder : missing)
        if (::chown(folder.c_str(), owner.uid, owner.gid) != 0) return fail_errno("chown " + folder);
    return {};
}

}  // namespace berth::container
