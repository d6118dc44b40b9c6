#include "engine/async/key_lock.h"

#include <deque>
#include <map>

#include "engine/async/event.h"

namespace berth::async {

// A key is in the map while it is locked; its queue holds those who wait. Unlocking hands the lock to the
// first of them, so nobody can slip in between.
struct KeyLock::State {
    explicit State(IoContext& io) : io(io) {}
    IoContext& io;
    std::map<std::string, std::deque<std::shared_ptr<Event>>> queues;

    void release(const std::string& key) {
        auto found = queues.find(key);
        auto& queue = found->second;
        if (queue.empty()) {
            queues.erase(found);
            return;
        }
        auto next = std::move(queue.front());
        queue.pop_front();
        next->set();
    }
};

KeyLock::Guard& KeyLock::Guard::operator=(Guard&& other) noexcept {
    if (this != &other) {
        unlock();
        state_ = std::move(other.state_);
        key_ = std::move(other.key_);
    }
    return *this;
}

void KeyLock::Guard::unlock() {
    if (auto state = std::exchange(state_, nullptr)) state->release(key_);
}

KeyLock::KeyLock(IoContext& io) : state_(std::make_shared<State>(io)) {}

Async<Result<KeyLock::Guard>> KeyLock::lock(std::string key) {
    return lock_in(state_, std::move(key));
}

bool KeyLock::is_locked(const std::string& key) const {
    return state_->queues.count(key) > 0;
}

Async<Result<KeyLock::Guard>> KeyLock::lock_in(std::shared_ptr<State> state, std::string key) {
    auto [queue, free] = state->queues.try_emplace(key);
    if (free) co_return Guard(state, key);
    auto turn = std::make_shared<Event>(state->io);
    queue->second.push_back(turn);
    auto waited = co_await turn->wait();
    if (waited) co_return Guard(state, key);
    // Cancelled, but the lock may have been handed over in the same moment.
    if (turn->is_set()) {
        state->release(key);
    } else {
        std::erase(state->queues[key], turn);
    }
    co_return Failure(std::move(waited.error()));
}

}  // namespace berth::async
