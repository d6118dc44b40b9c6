#pragma once

#include <chrono>
#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "engine/logs/driver_options.h"
#include "engine/logs/remote/connection.h"

namespace berth::logs {

// Messages on their way to one server. Blocking, but never longer than some seconds. When the connection
// breaks, messages wait up to a limit; what is beyond it is lost and counted.
class Outbox {
 public:
    struct Limits {
        std::size_t bytes = 1 << 20;
        std::chrono::milliseconds retry{1000};        // the pause before another try to connect
        double growth = 1;                            // of that pause, from try to try, up to a minute
        std::optional<std::int64_t> attempts;         // for a message; then it is lost. Absent: any number
        std::chrono::milliseconds sending{5000};      // for each message, and for what answers it
        std::chrono::milliseconds connection_age{0};  // after which a new one is made; 0: never
    };
    Outbox(Address address, TlsFiles tls, Limits limits)
        : address_(std::move(address)), tls_(std::move(tls)), limits_(limits), pause_(limits.retry) {}

    // The first connection.
    Result<> connect();
    // The server must answer the message with something that contains `answer`, unless that is "". The error
    // is the connection's, once each time it breaks.
    Result<> post(std::string message, std::string answer);
    // Sends what waits, if it is time to try. True: nothing is left.
    Result<bool> deliver();
    bool empty() const { return queue_.empty(); }
    std::uint64_t lost() const { return lost_; }

 private:
    struct Message {
        std::string bytes, answer;
    };
    Result<> send(const Message& message);
    Result<> await_answer(const std::string& answer);
    void note_failure();
    void drop_front();

    Address address_;
    TlsFiles tls_;
    Limits limits_;
    std::unique_ptr<Connection> connection_;
    std::deque<Message> queue_;
    std::size_t queued_ = 0;
    std::int64_t failures_ = 0;  // of the first in the queue
    std::uint64_t lost_ = 0;
    std::chrono::milliseconds pause_;
    std::chrono::steady_clock::time_point next_try_{}, connected_at_{};
};

}  // namespace berth::logs
