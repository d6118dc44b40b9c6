#pragma once

#include <chrono>
#include <optional>

#include "engine/base/unique_fd.h"
#include "engine/logs/log_driver.h"
#include "engine/sys/spawn.h"

namespace berth::logs {

// Hands records to a berth-logger, a process beside the shim that may wait: for a log server, or for a disk
// when the container must not (mode=non-blocking). A logger that dies is started again; what was on its way
// is lost.
class PipeLog final : public LogDriver {
 public:
    // `lossy`: so many bytes may wait, and what is more is lost; without, the container is held up instead.
    // Waits until the logger has opened its driver; its error is ours.
    static Result<std::unique_ptr<LogDriver>> open(const LogPlan& plan, std::optional<std::uint64_t> lossy);
    Result<> write(Stream stream, Timestamp time, std::string_view line, bool partial) override;
    Result<> flush() override;
    std::uint64_t lost() const override { return lost_; }
    Wait waiting() const override;
    bool behind() const override;
    bool end() override;

 private:
    PipeLog(LogPlan plan, std::optional<std::uint64_t> lossy) : plan_(std::move(plan)), lossy_(lossy) {}
    Result<> start();
    Result<> await_answer();
    void give_up_queue();
    Result<> push();
    // What the logger complains of.
    Result<> hear();

    LogPlan plan_;
    std::optional<std::uint64_t> lossy_;
    sys::ChildProcess logger_;
    UniqueFd pipe_, answers_;
    std::string queue_;
    std::size_t sent_ = 0;  // of queue_
    std::uint64_t queued_records_ = 0, lost_ = 0;
    std::chrono::steady_clock::time_point died_{};
    bool ended_ = false;
};

}  // namespace berth::logs
