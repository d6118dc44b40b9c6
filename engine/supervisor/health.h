#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "engine/base/time.h"

namespace berth::supervisor {

// A probe that a task's shim runs again and again. Nothing is left to default.
struct HealthSpec {
    std::string process_json;  // the OCI process object
    std::chrono::nanoseconds interval{}, timeout{}, start_period{}, start_interval{};
    int retries = 0;
};

// What the probes say.
struct Health {
    enum class Status { kStarting, kHealthy, kUnhealthy } status = Status::kStarting;
    int failing_streak = 0;
    struct Probe {
        Timestamp started_at{}, ended_at{};
        int exit_code = 0;  // -1: could not be run, or took too long
        std::string output;
    };
    std::vector<Probe> log;  // the last five
};

}  // namespace berth::supervisor
