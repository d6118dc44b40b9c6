#pragma once

#include <functional>
#include <optional>

#include "engine/async/async.h"

namespace berth::async {

// Starts a task that nobody waits for; prefer a Gate. An exception that leaves it is logged. Io thread only.
void spawn(IoContext& io, Async<void> task);

// Runs `step` on the io thread, soon. From any thread.
void post(IoContext& io, std::function<void()> step);

// Whether the calling coroutine has been cancelled: a loop over what cannot be cancelled asks this.
Async<bool> cancelled();

// Ends at once with kCancelled if the calling coroutine has been cancelled, else after `time`.
Async<Result<>> sleep_for(std::chrono::nanoseconds time);

namespace detail {
void run_to_end(IoContext& io, Async<void> task);
template <class T>
Async<void> store(Async<T> task, std::optional<T>* out) {
    out->emplace(co_await std::move(task));
}
}  // namespace detail

// Runs the event loop on this thread until `task` has ended. For main() and tests.
template <class T>
T block_on(IoContext& io, Async<T> task) {
    std::optional<T> out;
    detail::run_to_end(io, detail::store(std::move(task), &out));
    return std::move(*out);
}
inline void block_on(IoContext& io, Async<void> task) {
    detail::run_to_end(io, std::move(task));
}

}  // namespace berth::async
