#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/base/unique_fd.h"
#include "engine/container/core.h"
#include "engine/logs/log_driver.h"

namespace berth::container {

// What a start has gathered before the runtime's spec can be made.
struct PlanInputs {
    UniqueFd root;                    // the detached root file system
    std::string netns;                // "": none to join (host network)
    std::string pid_ns, ipc_ns;       // of the containers whose namespaces are joined, or ""
    std::string user_ns;              // of its user namespace, or ""
    std::string shm_source;           // of the /dev/shm that is another container's, or ""
    std::vector<std::string> linked;  // variables of its links
    std::vector<MountPoint> mounts;   // with their sources as they are now
    std::vector<UniqueFd> handed;     // the detached mounts that some of the sources are
};

// From our container to the OCI spec as JSON, and the cgroups it will have. Blocking: looks up users in the
// root.
struct RuntimePlan {
    std::string config_json;
    std::vector<std::string> cgroup_paths;
    std::optional<supervisor::HealthSpec> health;
    logs::LogPlan log;
};
Result<RuntimePlan> make_runtime_plan(const Core& core, const Container& container, const PlanInputs& inputs);

}  // namespace berth::container
