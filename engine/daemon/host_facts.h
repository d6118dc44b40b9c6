#pragma once

#include "api-spec/types/system.h"

namespace berth::daemon {

// What the kernel and the distribution say about themselves; read once, at start.
struct HostFacts {
    std::string kernel_version, operating_system, os_version, architecture, hostname;
    int cpus = 0;
    std::int64_t memory_bytes = 0;
    int cgroup_version = 1;
    bool seccomp = false, apparmor = false;
    types::Limits limits;
};
HostFacts read_host_facts();

// "amd64" for "x86_64": the name Go and image manifests use.
std::string go_architecture(const std::string& machine);
// What changes while the daemon runs.
bool forwards_ipv4();
// Descriptors this process has open.
int open_descriptors();

}  // namespace berth::daemon
