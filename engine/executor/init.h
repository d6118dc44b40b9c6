#pragma once

#include <optional>
#include <string>

#include "engine/executor/seccomp_filter.h"
#include "engine/oci/runtime_spec.h"

namespace berth::executor {

// All that the container's first process needs; made before the clone.
struct InitPlan {
    const oci::RuntimeSpec& spec;
    std::string rootfs, cgroup_path;
    std::string id;
    std::optional<Filter> filter;
    int sync_fd = -1;
    int fifo_fd = -1;     // O_PATH of the start fifo
    int console_fd = -1;  // connected console socket, or -1
    int preserve_fds = 0;
    bool new_keyring = true;
    unsigned long long new_namespaces = 0;
};

// The container's side of create, in its new namespaces; ends in execve. Never returns.
[[noreturn]] void run_init(const InitPlan& plan);

}  // namespace berth::executor
