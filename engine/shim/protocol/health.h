#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/shim/protocol/wire.h"

namespace berth::shim {

// How a container's health is probed, in the task file. Times in nanoseconds; nothing is left to default.
struct HealthTask {
    std::string process;  // the OCI process object of a probe
    std::int64_t interval = 0, timeout = 0, start_period = 0, start_interval = 0;
    std::uint32_t retries = 0;
    bool operator==(const HealthTask&) const = default;
};

enum class HealthStatus : std::uint8_t { kStarting = 1, kHealthy = 2, kUnhealthy = 3 };

struct Probe {
    std::int64_t started_at = 0, ended_at = 0;  // nanoseconds since 1970
    std::int32_t exit_code = 0;                 // -1: it could not be run, or took too long
    std::string output;                         // at most 4 KiB, and dockerd's words for a -1
};

//   health   u8 status | u32 failing streak | u32 number of probes | probes
//   probe    i64 started at | i64 ended at | u32 exit code | text output
struct Health {
    HealthStatus status = HealthStatus::kStarting;
    std::uint32_t failing_streak = 0;
    std::vector<Probe> log;  // the last five
};

void put_health_task(WireWriter& out, const HealthTask& task);
HealthTask take_health_task(WireReader& in);
void put_health(WireWriter& out, const Health& health);
Health take_health(WireReader& in);

}  // namespace berth::shim
