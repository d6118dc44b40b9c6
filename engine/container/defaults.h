#pragma once

#include "engine/container/container_services.h"
#include "engine/oci/runtime_spec.h"

namespace berth::container {

// Fills in what the daemon's settings say for a container that says nothing, as far as inspect shows it.
// Refuses a runtime that there is not. On the io thread.
Result<> apply_defaults(types::HostConfig& host, const ContainerConfig& config);

// The program of a runtime's name; "" in containers of an older daemon.
Result<RuntimeProgram> find_runtime(const std::string& name, const ContainerConfig& config);

// What inspect does not show, and a start adds.
std::vector<oci::Rlimit> rlimits(const types::HostConfig& host, const ContainerConfig& config);
bool no_new_privileges(const types::HostConfig& host, bool asked, const ContainerConfig& config);
std::string seccomp_profile(const types::HostConfig& host, const std::string& asked,
                            const ContainerConfig& config);

}  // namespace berth::container
