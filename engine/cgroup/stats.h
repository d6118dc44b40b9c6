#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "engine/base/result.h"
#include "engine/cgroup/cgroup.h"

namespace berth::cgroup {

struct BlockIo {
    std::uint64_t major = 0, minor = 0;
    std::string operation;  // as the kernel writes it, in lower case on version 2
    std::uint64_t value = 0;
};

// What a container uses now. Times are nanoseconds, sizes bytes. What the kernel does not count is empty or
// zero.
struct Stats {
    std::uint64_t cpu_total = 0, cpu_user = 0, cpu_kernel = 0;
    std::vector<std::uint64_t> cpu_each;  // version 1
    std::uint64_t periods = 0, throttled_periods = 0, throttled_time = 0;
    std::uint64_t memory_usage = 0, memory_max_usage = 0, memory_fail_count = 0,
                  memory_limit = 0;                    // limit: 0 is none
    std::map<std::string, std::uint64_t> memory;       // the lines of memory.stat
    std::uint64_t processes = 0, processes_limit = 0;  // limit: 0 is none
    std::vector<BlockIo> io_bytes, io_operations;      // operations: version 1
    bool unified = false;
};

// Of a cgroup that is there, else kNotFound.
Result<Stats> read_stats(const Cgroup& cgroup);

}  // namespace berth::cgroup
