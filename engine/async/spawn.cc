#include "engine/async/spawn.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>

#include "engine/async/token.h"
#include "engine/base/log.h"

namespace berth::async {

namespace asio = boost::asio;

namespace {

Async<void> guarded(Async<void> task) {
    co_await asio::this_coro::throw_if_cancelled(false);
    try {
        co_await std::move(task);
    } catch (const std::exception& broken) {
        log::error("task ended by an exception", {{"error", broken.what()}});
    }
}

Async<void> quiet(Async<void> task) {
    co_await asio::this_coro::throw_if_cancelled(false);
    co_await std::move(task);
}

}  // namespace

Failure failure(std::string_view what, const boost::system::error_code& error) {
    if (error == asio::error::operation_aborted) {
        return fail(ErrorKind::kCancelled, std::string(what) + ": cancelled");
    }
    if (error.category() == boost::system::system_category()) return fail_errno(what, error.value());
    return fail(ErrorKind::kInternal, std::string(what) + ": " + error.message());
}

void spawn(IoContext& io, Async<void> task) {
    asio::co_spawn(io, guarded(std::move(task)), asio::detached);
}

void post(IoContext& io, std::function<void()> step) {
    asio::post(io, std::move(step));
}

Async<bool> cancelled() {
    auto state = co_await asio::this_coro::cancellation_state;
    co_return state.cancelled() != asio::cancellation_type::none;
}

Async<Result<>> sleep_for(std::chrono::nanoseconds time) {
    bool gone = co_await cancelled();
    if (gone) co_return fail(ErrorKind::kCancelled, "sleep: cancelled");
    auto executor = co_await asio::this_coro::executor;
    asio::steady_timer timer(executor, time);
    auto [error] = co_await timer.async_wait(kToken);
    if (error) co_return failure("sleep", error);
    co_return Result<>();
}

namespace detail {

void run_to_end(IoContext& io, Async<void> task) {
    bool done = false;
    std::exception_ptr broken;
    asio::co_spawn(io, quiet(std::move(task)), [&](std::exception_ptr error) {
        done = true;
        broken = error;
    });
    if (io.stopped()) io.restart();
    while (!done && io.run_one() > 0) {
    }
    if (broken) std::rethrow_exception(broken);
    if (!done) throw std::logic_error("block_on: the task waits for something that nobody will do");
}

}  // namespace detail

}  // namespace berth::async
