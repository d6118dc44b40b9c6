#pragma once

#include <sys/types.h>

#include <vector>

#include "engine/base/result.h"
#include "engine/base/unique_fd.h"
#include "engine/oci/runtime_spec.h"

// The mappings of user namespaces.
namespace berth::executor {

// Writes /proc/PID/uid_map and gid_map of a process in a new user namespace. Without privileges only the
// caller's own ids can be mapped directly; more takes newuidmap(1) and newgidmap(1).
Result<> write_id_maps(pid_t pid, const std::vector<oci::IdMapping>& uids,
                       const std::vector<oci::IdMapping>& gids);

// A user namespace that has these mappings and nobody in it: what idmapped mounts take them from.
Result<UniqueFd> make_empty_user_space(const std::vector<oci::IdMapping>& uids,
                                       const std::vector<oci::IdMapping>& gids);

}  // namespace berth::executor
