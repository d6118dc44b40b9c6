#pragma once

#include <chrono>
#include <optional>
#include <variant>

#include "engine/async/async.h"

namespace berth::async {

namespace detail {
// Runs both; when one has ended, cancels the other and waits for its end too. Returns 0 or 1: who was first.
Async<int> race(Async<void> first, Async<void> second);
Async<bool> ends_before(Async<void> work, std::chrono::nanoseconds limit);

template <class T>
using Value = std::conditional_t<std::is_void_v<T>, std::monostate, T>;

template <class T>
Async<void> store_in(Async<T> task, std::optional<Value<T>>* out) {
    if constexpr (std::is_void_v<T>) {
        co_await std::move(task);
        out->emplace();
    } else {
        out->emplace(co_await std::move(task));
    }
}
}  // namespace detail

// Runs two tasks side by side until one ends: its value, in the place of its task. The other one is cancelled
// and has ended when this returns; its value is lost, so the loser must be something that can be asked again.
template <class A, class B>
Async<std::variant<detail::Value<A>, detail::Value<B>>> race(Async<A> first, Async<B> second) {
    using Either = std::variant<detail::Value<A>, detail::Value<B>>;
    std::optional<detail::Value<A>> a;
    std::optional<detail::Value<B>> b;
    auto run_first = detail::store_in(std::move(first), &a);
    auto run_second = detail::store_in(std::move(second), &b);
    int winner = co_await detail::race(std::move(run_first), std::move(run_second));
    if (winner == 0) co_return Either(std::in_place_index<0>, std::move(*a));
    co_return Either(std::in_place_index<1>, std::move(*b));
}

// What `work` returns, or kDeadlineExceeded ("WHAT: deadline exceeded") if it has to be cancelled after
// `limit`.
template <class T>
Async<Result<T>> with_deadline(std::chrono::nanoseconds limit, std::string what, Async<Result<T>> work) {
    std::optional<Result<T>> out;
    auto run = detail::store_in(std::move(work), &out);
    bool ended = co_await detail::ends_before(std::move(run), limit);
    if (!ended) co_return fail(ErrorKind::kDeadlineExceeded, what + ": deadline exceeded");
    co_return std::move(*out);
}

}  // namespace berth::async
