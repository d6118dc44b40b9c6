#pragma once

#include <memory>
#include <string>

#include "engine/async/async.h"

namespace berth::async {

// One mutex per key, for coroutines, first come first served. A key costs memory only while it is locked. Io
// thread only. Held over a state transition, never over a wait for a container.
class KeyLock {
    struct State;

 public:
    // Holds the lock while it lives.
    class Guard {
     public:
        Guard(Guard&& other) noexcept = default;
        Guard& operator=(Guard&& other) noexcept;
        ~Guard() { unlock(); }
        void unlock();

     private:
        friend class KeyLock;
        Guard(std::shared_ptr<State> state, std::string key)
            : state_(std::move(state)), key_(std::move(key)) {}
        std::shared_ptr<State> state_;
        std::string key_;
    };

    explicit KeyLock(IoContext& io);
    // kCancelled when the caller is cancelled while it waits.
    Async<Result<Guard>> lock(std::string key);
    // Whether somebody holds it.
    bool is_locked(const std::string& key) const;

 private:
    static Async<Result<Guard>> lock_in(std::shared_ptr<State> state, std::string key);
    std::shared_ptr<State> state_;
};

}  // namespace berth::async
