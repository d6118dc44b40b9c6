#include "engine/container/references.h"

#include <algorithm>

#include "engine/container/mount_points.h"
#include "engine/container/mount_spec.h"

namespace berth::container {

namespace {

constexpr std::string_view kContainerMode = "container:";

Failure bad(std::string message) {
    return fail(ErrorKind::kInvalidArgument, std::move(message));
}

// A container that has to be there: what is missing is the request's fault.
Result<ContainerPtr> required(const Store& store, const std::string& ref) {
    auto found = store.find(ref);
    if (found) return found;
    return bad(std::move(found.error().message));
}

Result<> use_id(const Store& store, std::string& mode) {
    const std::string ref = joined_ref(mode);
    if (ref.empty()) return {};
    BERTH_TRY(auto other, required(store, ref));
    mode = std::string(kContainerMode) + other->id;
    return {};
}

// "CONTAINER[:ALIAS]"; the alias is the container's name where it is left out.
Result<Link> resolve_link(const Store& store, const std::string& text) {
    if (text.empty()) return fail(ErrorKind::kInternal, "empty string specified for links");
    if (std::count(text.begin(), text.end(), ':') > 1)
        return fail(ErrorKind::kInternal, "bad format for links: " + text);
    const auto colon = text.find(':');
    std::string ref = text.substr(0, colon);
    std::string alias = colon == text.npos ? ref : text.substr(colon + 1);
    // What an inspect shows may be sent back: "/db:/web/data".
    alias =
        alias.substr(alias.rfind('/') == alias.npos || !alias.starts_with('/') ? 0 : alias.rfind('/') + 1);
    if (ref.empty()) return bad("could not get container for : invalid name or ID supplied: \"\"");
    auto found = store.find(ref);
    for (int depth = 0; found && depth < 16; ++depth) {
        std::string next = joined_ref((*found)->network);
        if (next.empty()) break;
        found = store.find(next);
    }
    if (!found) return bad("could not get container for " + ref + ": " + found.error().message);
    if ((*found)->network == "host") {
        return bad(
            "conflicting options: host type networking can't be used with links. This would result in "
            "undefined behavior");
    }
    return Link{(*found)->id, (*found)->name, alias};
}

Result<> inherit_mounts(const Store& store, const std::string& text, std::vector<MountPoint>& mounts) {
    BERTH_TRY(auto wanted, parse_volumes_from(text));
    BERTH_TRY(auto other, required(store, wanted.container));
    auto taken = inherited_mounts(*other, wanted.read_write);
    mounts.insert(mounts.end(), taken.begin(), taken.end());
    return {};
}

}  // namespace

std::string joined_ref(const std::string& mode) {
    return mode.starts_with(kContainerMode) ? mode.substr(kContainerMode.size()) : std::string();
}

Result<References> resolve_references(const Store& store, types::HostConfig& host) {
    References out;
    BERTH_CHECK(use_id(store, host.pid_mode));
    BERTH_CHECK(use_id(store, host.ipc_mode));
    // A network that is not there yet shows at the start.
    if (const std::string ref = joined_ref(host.network_mode); !ref.empty()) {
        if (auto other = store.find(ref)) host.network_mode = std::string(kContainerMode) + (*other)->id;
    }
    for (const auto& text : host.links) {
        BERTH_TRY(auto link, resolve_link(store, text));
        out.links.push_back(std::move(link));
    }
    for (const auto& text : host.volumes_from) BERTH_CHECK(inherit_mounts(store, text, out.mounts));
    return out;
}

}  // namespace berth::container
