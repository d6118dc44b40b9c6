#include "engine/async/race.h"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>

#include <array>
#include <memory>

#include "engine/async/spawn.h"
#include "engine/async/token.h"

namespace berth::async::detail {

namespace asio = boost::asio;

namespace {

struct Branches {
    explicit Branches(const asio::any_io_executor& executor)
        : ended(executor, asio::steady_timer::time_point::max()) {}
    std::array<asio::cancellation_signal, 2> cancel;
    std::exception_ptr broken;
    asio::steady_timer ended;
    int winner = -1;
    int left = 2;
};

Async<void> quiet(Async<void> task) {
    co_await asio::this_coro::throw_if_cancelled(false);
    co_await std::move(task);
}

void start(const asio::any_io_executor& executor, std::shared_ptr<Branches> branches, int index,
           Async<void> task) {
    auto slot = branches->cancel[index].slot();
    auto leave = [branches, index](std::exception_ptr broken) {
        if (broken && !branches->broken) branches->broken = broken;
        if (branches->winner < 0) branches->winner = index;
        --branches->left;
        branches->ended.cancel();
    };
    asio::co_spawn(executor, quiet(std::move(task)), asio::bind_cancellation_slot(slot, std::move(leave)));
}

}  // namespace

Async<int> race(Async<void> first, Async<void> second) {
    auto executor = co_await asio::this_coro::executor;
    auto branches = std::make_shared<Branches>(executor);
    start(executor, branches, 0, std::move(first));
    start(executor, branches, 1, std::move(second));
    // Woken by an end, or by a cancellation of the caller: either way nobody goes on.
    bool gone = co_await cancelled();
    if (!gone && branches->left == 2) co_await branches->ended.async_wait(kToken);
    while (branches->left > 0) {
        for (auto& signal : branches->cancel) signal.emit(asio::cancellation_type::terminal);
        if (branches->left > 0) co_await branches->ended.async_wait(kToken);
    }
    if (branches->broken) std::rethrow_exception(branches->broken);
    co_return branches->winner;
}

namespace {
Async<void> pass_time(std::chrono::nanoseconds time) {
    co_await sleep_for(time);
}
}  // namespace

Async<bool> ends_before(Async<void> work, std::chrono::nanoseconds limit) {
    int winner = co_await race(std::move(work), pass_time(limit));
    co_return winner == 0;
}

}  // namespace berth::async::detail
