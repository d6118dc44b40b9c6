#pragma once

#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <type_traits>

#include "engine/async/async.h"

namespace berth::async {

// Threads for blocking work that is known to end: mounts, netlink, SQLite, files of the engine's own. What
// may hang (paths of containers, NFS, FUSE) belongs into a helper process with a deadline instead. Threads
// start when there is work for them and end after some idle seconds.
class BlockingPool {
 public:
    explicit BlockingPool(std::size_t threads);
    // Waits for the work under way. Must happen before the io context of its callers goes.
    ~BlockingPool();
    BlockingPool(const BlockingPool&) = delete;
    BlockingPool& operator=(const BlockingPool&) = delete;

    // Runs `work` (a plain callable, moved in) on a pool thread and resumes the caller on its own executor
    // with what it returned. Never cancelled half way: a caller that goes away waits for the end.
    template <class Work>
    Async<std::invoke_result_t<Work&>> run(Work work);

    // Runs `work` without waiting for it. From any thread.
    void submit(std::function<void()> work);

 private:
    struct Impl;
    // `work` must not throw, and lives in the caller's frame.
    Async<void> run_and_resume(std::function<void()> work);
    std::shared_ptr<Impl> impl_;
};

template <class Work>
Async<std::invoke_result_t<Work&>> BlockingPool::run(Work work) {
    using T = std::invoke_result_t<Work&>;
    // An exception here is a broken invariant; it must surface on the caller's executor.
    std::exception_ptr broken;
    if constexpr (std::is_void_v<T>) {
        std::function<void()> step = [&] {
            try {
                work();
            } catch (...) {
                broken = std::current_exception();
            }
        };
        co_await run_and_resume(step);
        if (broken) std::rethrow_exception(broken);
    } else {
        std::optional<T> value;
        std::function<void()> step = [&] {
            try {
                value.emplace(work());
            } catch (...) {
                broken = std::current_exception();
            }
        };
        co_await run_and_resume(step);
        if (broken) std::rethrow_exception(broken);
        co_return std::move(*value);
    }
}

}  // namespace berth::async
