#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/base/unique_fd.h"
#include "engine/cgroup/cgroup.h"
#include "engine/executor/container_state.h"
#include "engine/executor/seccomp_filter.h"
#include "engine/executor/spaces.h"
#include "engine/oci/runtime_spec.h"

namespace berth::executor {

// All that the container's first process needs; made before the clone.
struct InitPlan {
    oci::RuntimeSpec spec;
    Spaces spaces;
    ContainerState state;  // but the pid
    std::vector<UniqueFd> sources;
    std::optional<Filter> filter;
    UniqueFd gate;     // see start_gate.h; none if the parent starts it as soon as it is ready
    UniqueFd console;  // connected console socket, or none
    int preserve_fds = 0;
    bool new_keyring = true, pivot = true;
    bool at_once = false;  // nobody waits for it to be ready: the container is written down already
    // Namespaces that init makes itself: the network, which takes a while; message queues, whose folder is
    // its maker's, in a user namespace.
    unsigned long long own_spaces = 0;
    bool plain_lines = false;  // see console.h
    bool debug = false;        // says what it does
};

// The container's side of create, in its new namespaces; ends in execve. Never returns.
[[noreturn]] void run_init(const InitPlan& plan, int sync_fd);

}  // namespace berth::executor
