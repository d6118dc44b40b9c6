#include "engine/async/event.h"

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>

#include "engine/async/spawn.h"
#include "engine/async/token.h"

namespace berth::async {

namespace asio = boost::asio;

// A timer that never expires is Asio's way to wait for a word from another coroutine. The generation tells a
// notification from a cancellation: both reach the waiter as an aborted timer.
struct Condition::State {
    explicit State(IoContext& io) : timer(io, asio::steady_timer::time_point::max()) {}
    asio::steady_timer timer;
    std::uint64_t generation = 0;
};

Condition::Condition(IoContext& io) : state_(std::make_shared<State>(io)) {}

Condition::~Condition() {
    state_->timer.cancel();
}

void Condition::notify_all() {
    ++state_->generation;
    state_->timer.cancel();
}

Async<Result<>> Condition::wait() {
    return wait_on(state_);
}

Async<Result<>> Condition::wait_on(std::shared_ptr<State> state) {
    bool gone = co_await cancelled();
    if (gone) co_return fail(ErrorKind::kCancelled, "wait: cancelled");
    const std::uint64_t before = state->generation;
    co_await state->timer.async_wait(kToken);
    if (state->generation == before) co_return fail(ErrorKind::kCancelled, "wait: cancelled");
    co_return Result<>();
}

struct Event::State {
    explicit State(IoContext& io) : condition(io) {}
    Condition condition;
    bool set = false;
    bool abandoned = false;
};

Event::Event(IoContext& io) : state_(std::make_shared<State>(io)) {}

Event::~Event() {
    state_->abandoned = true;
    state_->condition.notify_all();
}

void Event::set() {
    if (state_->set) return;
    state_->set = true;
    state_->condition.notify_all();
}

bool Event::is_set() const {
    return state_->set;
}

Async<Result<>> Event::wait() {
    return wait_on(state_);
}

Async<Result<>> Event::wait_on(std::shared_ptr<State> state) {
    while (!state->set) {
        if (state->abandoned) co_return fail(ErrorKind::kCancelled, "wait: cancelled");
        BERTH_CO_CHECK(co_await state->condition.wait());
    }
    co_return Result<>();
}

}  // namespace berth::async
