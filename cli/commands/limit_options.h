#pragma once

#include <cstdint>
#include <string>

#include "cli/flags.h"
#include "cli/json.h"
#include "engine/base/result.h"

namespace berth::cli {

// "512m" or "-1" (no limit) as bytes under `key`; "" adds nothing.
Result<> add_bytes(Json& host, const char* key, const std::string& text);

// The limits and the restart policy: what `run` and `create` share with `update`.
class LimitOptions {
 public:
    void add_flags(Flags& flags);
    // Into a HostConfig: only what was given.
    Result<> add_to(const Flags& flags, Json& host) const;

 private:
    std::string memory_, memory_swap_, reservation_, cpus_, cpuset_cpus_, cpuset_mems_, restart_;
    std::string kernel_memory_;
    std::int64_t pids_ = 0, cpu_shares_ = 0, cpu_quota_ = 0, cpu_period_ = 0;
    std::int64_t blkio_weight_ = 0, cpu_rt_period_ = 0, cpu_rt_runtime_ = 0;
};

}  // namespace berth::cli
