#pragma once

#include <string>
#include <vector>

#include "cli/flags.h"
#include "cli/json.h"
#include "engine/base/result.h"

namespace berth::cli {

// The options of `run` and `create` about devices: --device, --gpus, rules, and the limits of block devices.
class DeviceOptions {
 public:
    void add_flags(Flags& flags);
    // Into a HostConfig: only what was given.
    Result<> add_to(Json& host) const;

 private:
    std::vector<std::string> devices_, rules_, gpus_, weights_;
    std::vector<std::string> read_bps_, write_bps_, read_iops_, write_iops_;
};

}  // namespace berth::cli
