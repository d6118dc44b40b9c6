#pragma once

#include <deque>
#include <optional>

#include "engine/async/event.h"

namespace berth::async {

// A queue between coroutines that holds at most `capacity` values: a full one makes senders wait. Io thread
// only; must outlive those who wait on it.
template <class T>
class Channel {
 public:
    Channel(IoContext& io, std::size_t capacity) : capacity_(capacity), changed_(io) {}

    // kCancelled when the channel is closed, or the sender cancelled.
    Async<Result<>> send(T value) {
        while (!closed_ && values_.size() >= capacity_) {
            BERTH_CO_CHECK(co_await changed_.wait());
        }
        if (!try_send(std::move(value))) co_return fail(ErrorKind::kCancelled, "channel: closed");
        co_return Result<>();
    }
    // false when it is full or closed.
    bool try_send(T value) {
        if (closed_ || values_.size() >= capacity_) return false;
        values_.push_back(std::move(value));
        changed_.notify_all();
        return true;
    }
    // The oldest value; nullopt once the channel is closed and empty.
    Async<Result<std::optional<T>>> receive() {
        while (!closed_ && values_.empty()) {
            BERTH_CO_CHECK(co_await changed_.wait());
        }
        if (values_.empty()) co_return std::optional<T>();
        std::optional<T> value(std::move(values_.front()));
        values_.pop_front();
        changed_.notify_all();
        co_return value;
    }
    // No more values; what is queued can still be received.
    void close() {
        closed_ = true;
        changed_.notify_all();
    }
    bool closed() const { return closed_; }

 private:
    std::size_t capacity_;
    std::deque<T> values_;
    bool closed_ = false;
    Condition changed_;
};

}  // namespace berth::async
