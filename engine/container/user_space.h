#pragma once

#include <memory>
#include <string>

#include "engine/container/core.h"
#include "engine/oci/runtime_spec.h"
#include "engine/sys/user_space.h"

// Containers in the user namespace that the daemon's userns-remap means.
namespace berth::container {

// The maps of the namespace that the container runs in; empty for the host's. Its files belong to the
// daemon's in either case.
const IdMaps& maps_of(const ContainerConfig& config, const types::HostConfig& host);

// What cannot be had in a user namespace, in Docker's words.
Result<> check_user_space(const types::HostConfig& host, const ContainerConfig& config);

// "cannot set uid to unmapped user in user namespace" for one whom the maps leave out.
Result<> check_mapped(const IdMaps& ids, const oci::User& user);

// Where a container's processes are at home while it starts: a namespace of its own, or (`other` is that
// container, which runs) another's, with a network namespace in it either way. Blocking.
Result<std::unique_ptr<sys::UserSpace>> make_user_space(const IdMaps& ids, const ContainerPtr& other);

// mkdir -p for a bind's source: what is missing belongs to `owner`.
Result<> make_owned_folders(const std::string& path, const Owner& owner);

}  // namespace berth::container
