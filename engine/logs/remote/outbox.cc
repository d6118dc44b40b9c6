#include "engine/logs/remote/outbox.h"

#include <algorithm>

namespace berth::logs {

namespace {
using Clock = std::chrono::steady_clock;
constexpr std::chrono::milliseconds kLongestPause{60'000};
}  // namespace

Result<> Outbox::connect() {
    BERTH_TRY(connection_, Connection::dial(address_, tls_, limits_.sending));
    connected_at_ = Clock::now();
    pause_ = limits_.retry;
    return {};
}

Result<> Outbox::post(std::string message, std::string answer) {
    if (queued_ + message.size() > limits_.bytes && !queue_.empty()) {
        ++lost_;
    } else {
        queued_ += message.size();
        queue_.push_back({std::move(message), std::move(answer)});
    }
    auto delivered = deliver();
    if (!delivered) return Failure(std::move(delivered.error()));
    return {};
}

Result<bool> Outbox::deliver() {
    while (!queue_.empty()) {
        const auto age = limits_.connection_age;
        if (age.count() > 0 && Clock::now() - connected_at_ > age) connection_.reset();
        if (!connection_) {
            if (Clock::now() < next_try_) return false;
            if (auto connected = connect(); !connected) {
                next_try_ = Clock::now() + pause_;
                const std::chrono::duration<double, std::milli> longer = pause_ * limits_.growth;
                pause_ =
                    std::min(std::chrono::duration_cast<std::chrono::milliseconds>(longer), kLongestPause);
                note_failure();
                return Failure(std::move(connected.error()));
            }
        }
        if (auto sent = send(queue_.front()); !sent) {
            connection_.reset();
            next_try_ = Clock::now();
            note_failure();
            return Failure(std::move(sent.error()));
        }
        drop_front();
    }
    return true;
}

void Outbox::drop_front() {
    queued_ -= queue_.front().bytes.size();
    queue_.pop_front();
    failures_ = 0;
}

void Outbox::note_failure() {
    ++failures_;
    if (!limits_.attempts || failures_ < std::max<std::int64_t>(*limits_.attempts, 1)) return;
    ++lost_;
    drop_front();
}

Result<> Outbox::send(const Message& message) {
    BERTH_CHECK(connection_->send(message.bytes));
    return message.answer.empty() ? Result<>() : await_answer(message.answer);
}

Result<> Outbox::await_answer(const std::string& answer) {
    constexpr std::size_t kMost = 4096;
    for (std::string said; said.size() < kMost;) {
        BERTH_TRY(const auto more, connection_->receive());
        said += more;
        if (said.find(answer) != std::string::npos) return {};
    }
    return fail(ErrorKind::kUnavailable, "the log server does not acknowledge what it was sent");
}

}  // namespace berth::logs
