#pragma once

#include <linux/filter.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/result.h"
#include "engine/base/unique_fd.h"
#include "engine/oci/runtime_spec.h"

namespace berth::executor {

// A compiled filter. System calls newer than the filter knows give ENOSYS, so that C libraries fall back.
struct Filter {
    std::vector<sock_filter> program;
    unsigned flags = 0;
    std::string listener_path, listener_metadata;  // who answers SCMP_ACT_NOTIFY
};

// Compiling Docker's profile costs 10 ms, so filters are kept in ROOT/.filters (0700) under the hash of the
// section's text, the kernel's release and libseccomp's version. A section that was met before is not even
// parsed again: it is most of a configuration.
class FilterCache {
 public:
    explicit FilterCache(const std::string& root) : folder_(root + "/.filters") {}

    // A configuration; without its seccomp section if filter() has that already.
    Result<oci::RuntimeSpec> parse(std::string_view config);
    // The filter that the configuration parsed last asks for, if any. kInvalidArgument by name.
    Result<std::optional<Filter>> filter(const oci::RuntimeSpec& spec);

 private:
    std::string folder_, key_;
    std::optional<Filter> kept_;
};

// Loads it into the calling thread. Needs CAP_SYS_ADMIN or no_new_privs. Returns the listener of a filter
// that notifies, else nothing.
Result<UniqueFd> install_filter(const Filter& filter);

}  // namespace berth::executor
