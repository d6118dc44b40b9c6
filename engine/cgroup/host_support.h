#pragma once

#include <string>

namespace berth::cgroup {

// Which limits this host's controllers know: what they do not know is left out of a container, with a
// warning.
struct HostSupport {
    bool memory = false, swap = false, reservation = false, swappiness = false;
    bool oom_kill_disable = false, kernel_memory_tcp = false;
    bool cpu_shares = false, cpu_cfs = false, cpu_realtime = false, cpuset = false, pids = false;
    bool blkio_weight = false, blkio_weight_device = false;
    bool blkio_read_bps = false, blkio_write_bps = false, blkio_read_iops = false, blkio_write_iops = false;
    std::string cpus, mems;  // that a cpuset may name, "0-3"
    bool unified = false;    // nothing but version 2
};

// Reads the mounted controllers; what cannot be read is not supported.
HostSupport read_host_support();

// Whether every number of "0-2,5" is among `available`; nothing for a text that is no such list.
enum class ListMatch { kAvailable, kUnavailable, kMalformed };
ListMatch match_list(const std::string& wanted, const std::string& available);

}  // namespace berth::cgroup
