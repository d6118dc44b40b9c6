#pragma once

#include <deque>

#include "engine/base/unique_fd.h"
#include "engine/logs/log_driver.h"
#include "engine/logs/pieces.h"

namespace berth::logs {

// The journal of this host, by its native protocol: a datagram for each record. While its socket is full the
// container is held up.
class JournaldLog final : public LogDriver {
 public:
    // The error is Docker's when there is no journal: journald is not enabled on this host.
    static Result<std::unique_ptr<LogDriver>> open(const LogPlan& plan);
    Result<> write(Stream stream, Timestamp time, std::string_view line, bool partial) override;
    Result<> flush() override;
    std::uint64_t lost() const override { return lost_; }
    Wait waiting() const override;
    bool behind() const override { return !queue_.empty(); }
    bool end() override;

 private:
    explicit JournaldLog(std::string fields) : fields_(std::move(fields)) {}
    Result<> connect();
    Result<bool> send(const std::string& entry);
    Result<> send_big(const std::string& entry);

    std::string fields_;  // those of every record
    UniqueFd socket_;
    std::deque<std::string> queue_;
    PieceCounter pieces_;
    std::uint64_t ordinal_ = 0, lost_ = 0;
};

}  // namespace berth::logs
