#include "engine/async/gate.h"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>

#include <list>
#include <vector>

#include "engine/async/token.h"
#include "engine/base/log.h"

namespace berth::async {

namespace asio = boost::asio;

struct Gate::State {
    explicit State(IoContext& io) : io(io), left(io, asio::steady_timer::time_point::max()) {}
    IoContext& io;
    std::list<std::shared_ptr<asio::cancellation_signal>> inside;
    asio::steady_timer left;
    bool closed = false;
};

namespace {

Async<void> quiet(Async<void> task) {
    co_await asio::this_coro::throw_if_cancelled(false);
    co_await std::move(task);
}

}  // namespace

Gate::Gate(IoContext& io) : state_(std::make_shared<State>(io)) {}

Gate::~Gate() = default;

bool Gate::spawn(Async<void> task) {
    if (state_->closed) return false;
    state_->inside.push_back(std::make_shared<asio::cancellation_signal>());
    auto entry = std::prev(state_->inside.end());
    auto leave = [state = state_, entry](std::exception_ptr broken) {
        state->inside.erase(entry);
        if (state->inside.empty()) state->left.cancel();
        try {
            if (broken) std::rethrow_exception(broken);
        } catch (const std::exception& error) {
            log::error("task ended by an exception", {{"error", error.what()}});
        }
    };
    asio::co_spawn(state_->io, quiet(std::move(task)),
                   asio::bind_cancellation_slot((*entry)->slot(), std::move(leave)));
    return true;
}

void Gate::cancel() {
    // On the loop: from outside of it co_spawn would post the signal on, to a task that may have ended by
    // then. A cancelled task may end at once and take its own entry, or another's, out of the list.
    asio::dispatch(state_->io, [state = state_] {
        std::vector<std::shared_ptr<asio::cancellation_signal>> signals(state->inside.begin(),
                                                                        state->inside.end());
        for (auto& signal : signals) signal->emit(asio::cancellation_type::terminal);
    });
}

Async<void> Gate::close() {
    return drain(state_);
}

// Waits even when the caller has been cancelled: the tasks use what the caller is about to destroy.
Async<void> Gate::drain(std::shared_ptr<State> state) {
    state->closed = true;
    while (!state->inside.empty()) co_await state->left.async_wait(kToken);
}

std::size_t Gate::inside() const {
    return state_->inside.size();
}

}  // namespace berth::async
