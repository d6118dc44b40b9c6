#pragma once

#include <memory>

#include "engine/async/event.h"

namespace berth::registry {

// A limited number of places, for coroutines. Io thread only.
class Slots {
    struct State {
        State(IoContext& io, int count) : count(count), free(count), changed(io) {}
        int count, free;
        async::Condition changed;
    };

 public:
    // Holds a place while it lives.
    using Place = std::shared_ptr<void>;

    Slots(IoContext& io, int count) : state_(std::make_shared<State>(io, count)) {}
    // kCancelled when the caller is cancelled while it waits.
    Async<Result<Place>> take() { return take_from(state_); }
    // More places, or fewer: those that are taken stay so.
    void resize(int count) {
        state_->free += count - state_->count;
        state_->count = count;
        state_->changed.notify_all();
    }

 private:
    static Async<Result<Place>> take_from(std::shared_ptr<State> state) {
        while (state->free <= 0) BERTH_CO_CHECK(co_await state->changed.wait());
        --state->free;
        co_return Place(nullptr, [state](void*) {
            ++state->free;
            state->changed.notify_all();
        });
    }
    std::shared_ptr<State> state_;
};

}  // namespace berth::registry
