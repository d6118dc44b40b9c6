#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "engine/base/result.h"
#include "engine/cgroup/cgroup.h"

namespace berth::cgroup {

// What stats.h leaves out because only `events` asks for it. What the kernel does not say is empty or zero.
struct Use {
    std::uint64_t usage = 0, max = 0, limit = 0, fail_count = 0;
};
struct Pressure {
    double avg10 = 0, avg60 = 0, avg300 = 0;
    std::uint64_t total = 0;
};
struct Details {
    Use swap, kernel, kernel_tcp;     // swap counts the memory in, on either version
    std::map<std::string, Use> huge;  // by page size
    std::vector<std::uint16_t> cpus, memory_nodes;
    std::map<std::string, std::map<std::string, Pressure>> pressure;  // cpu memory io -> some full
};
Details read_details(const Cgroup& cgroup);

// The file whose change tells of an OOM kill, for inotify(7) on version 2 ("memory.events") and for
// cgroup.event_control on version 1 ("memory.oom_control"); "" if there is none.
std::string oom_file(const Cgroup& cgroup);
std::uint64_t oom_kills(const Cgroup& cgroup);

}  // namespace berth::cgroup
