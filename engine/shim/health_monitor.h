#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "engine/base/result.h"
#include "engine/logs/log_driver.h"
#include "engine/shim/loop.h"
#include "engine/shim/protocol/health.h"

namespace berth::shim {

// Probes a running container as its health check says, from begin() until it is destroyed, with dockerd's
// rules: a failure in the start period does not count until one probe has been good; `retries` failures in a
// row make it unhealthy. One probe at a time, and none while the container is frozen. A probe that even
// SIGKILL does not end counts as failed once more at each time for one, and no other is begun beside it.
class HealthMonitor {
 public:
    struct Hooks {
        // Starts a process for a probe, its output to `output`; then started() or failed() is called, and
        // ended().
        std::function<void(std::unique_ptr<logs::LogDriver> output)> run;
        std::function<void()> kill;  // the process
        std::function<bool()> frozen;
        std::function<void(const Health&)> changed;  // after each probe
    };
    HealthMonitor(Loop& loop, const HealthTask& task, Hooks hooks);
    ~HealthMonitor();
    HealthMonitor(const HealthMonitor&) = delete;

    void begin(std::int64_t container_started_at);
    const Health& health() const { return health_; }
    // Of the probe under way.
    void started();
    void failed(const Error& error);
    void ended(int code);

 private:
    class Capture;
    void wait();
    void probe();
    void time_is_up();
    void give_up();
    std::string timeout_text() const;
    void record(int code, std::string output);
    bool in_start_period(std::int64_t at) const;

    Loop& loop_;
    const HealthTask& task_;
    Hooks hooks_;
    Health health_;
    Loop::Timer timer_ = 0;
    std::int64_t container_started_at_ = 0, probe_started_at_ = 0;
    std::shared_ptr<std::string> output_;
    bool timed_out_ = false, stuck_ = false;
};

// Whether the freezer holds a process, by the cgroup that it is in now.
bool is_frozen(pid_t pid);

}  // namespace berth::shim
