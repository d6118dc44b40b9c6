#pragma once

#include <chrono>
#include <deque>
#include <string>

#include "engine/base/unique_fd.h"
#include "engine/logs/driver_options.h"

namespace berth::logs {

// Messages on their way to one server. Blocking, but never longer than some seconds. When the connection
// breaks, messages wait up to a limit; what is beyond it is lost and counted.
class Outbox {
 public:
    struct Limits {
        std::size_t bytes = 1 << 20;
        std::chrono::milliseconds retry{1000};
    };
    Outbox(Address address, Limits limits) : address_(std::move(address)), limits_(limits) {}

    // The first connection. Texts are Go's: dial tcp 127.0.0.1:24224: connect: connection refused.
    Result<> connect();
    // The error is the connection's, once each time it breaks.
    Result<> post(std::string message);
    // Sends what waits, if it is time to try. True: nothing is left.
    Result<bool> deliver();
    bool empty() const { return queue_.empty(); }
    std::uint64_t lost() const { return lost_; }

 private:
    Result<> send(const std::string& message);

    Address address_;
    Limits limits_;
    UniqueFd socket_;
    std::deque<std::string> queue_;
    std::size_t queued_ = 0;
    std::uint64_t lost_ = 0;
    std::chrono::steady_clock::time_point next_try_{};
};

}  // namespace berth::logs
