#pragma once

#include <linux/filter.h>

#include <optional>
#include <string>
#include <vector>

#include "engine/base/result.h"
#include "engine/base/unique_fd.h"
#include "engine/oci/runtime_spec.h"

namespace berth::executor {

// A compiled filter. Compiling Docker's profile costs 10 ms, so it is kept in CACHE (0700) under the hash of
// the section, the kernel's release and libseccomp's version. System calls newer than the filter knows give
// ENOSYS, so that C libraries fall back. kInvalidArgument by name.
struct Filter {
    std::vector<sock_filter> program;
    unsigned flags = 0;
    std::string listener_path, listener_metadata;  // who answers SCMP_ACT_NOTIFY
};
Result<Filter> compile_filter(const oci::Seccomp& seccomp, const std::string& cache_folder);

// Loads it into the calling thread. Needs CAP_SYS_ADMIN or no_new_privs. Returns the listener of a filter
// that notifies, else nothing.
Result<UniqueFd> install_filter(const Filter& filter);

}  // namespace berth::executor
