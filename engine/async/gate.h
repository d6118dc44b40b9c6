#pragma once

#include <memory>

#include "engine/async/async.h"

namespace berth::async {

// Detached tasks enter through a Gate, so that whoever owns what they use can wait for them. Io thread only.
class Gate {
 public:
    explicit Gate(IoContext& io);
    // Every task must have ended: call close() first.
    ~Gate();
    Gate(const Gate&) = delete;
    Gate& operator=(const Gate&) = delete;

    // Starts a task; false (and it never runs) once the gate is closed. An exception that leaves it is
    // logged.
    bool spawn(Async<void> task);
    // Cancels what the tasks inside wait for, now and from now on.
    void cancel();
    // Lets nobody in any more and returns when the last task has left.
    Async<void> close();
    std::size_t inside() const;

 private:
    struct State;
    static Async<void> drain(std::shared_ptr<State> state);
    std::shared_ptr<State> state_;
};

}  // namespace berth::async
