#pragma once

#include <memory>

#include "engine/async/async.h"

namespace berth::async {

// Wakes whoever waits right now; a notification without a waiter is lost. Io thread only. Waiters whose
// Condition is destroyed get kCancelled, and so do cancelled ones.
class Condition {
 public:
    explicit Condition(IoContext& io);
    ~Condition();
    Condition(const Condition&) = delete;
    Condition& operator=(const Condition&) = delete;

    Async<Result<>> wait();
    void notify_all();

 private:
    struct State;
    static Async<Result<>> wait_on(std::shared_ptr<State> state);
    std::shared_ptr<State> state_;
};

// Happens once; everybody who waits, then or later, goes on. Io thread only. Cancellation and destruction as
// for Condition.
class Event {
 public:
    explicit Event(IoContext& io);
    ~Event();
    Event(const Event&) = delete;
    Event& operator=(const Event&) = delete;

    void set();
    bool is_set() const;
    Async<Result<>> wait();

 private:
    struct State;
    static Async<Result<>> wait_on(std::shared_ptr<State> state);
    std::shared_ptr<State> state_;
};

}  // namespace berth::async
