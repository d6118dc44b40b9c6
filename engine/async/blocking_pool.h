#pragma once

#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>

#include <exception>
#include <optional>
#include <type_traits>

#include "engine/async/async.h"

namespace berth::async {

// Threads for blocking work that is known to end: mounts, netlink, SQLite, files of the engine's own. What may
// hang (paths of containers, NFS, FUSE) belongs into a helper process with a deadline instead.
class BlockingPool {
   public:
    explicit BlockingPool(std::size_t threads) : pool_(threads) {}
    // Waits for the work under way.
    ~BlockingPool() { pool_.join(); }

    // Runs `work` (a plain callable, moved in) on a pool thread and resumes the caller on its own executor with
    // what it returned. Never cancelled half way: a caller that goes away waits for the end.
    template <class Work>
    Async<std::invoke_result_t<Work&>> run(Work work);

   private:
    boost::asio::thread_pool pool_;
};

template <class Work>
Async<std::invoke_result_t<Work&>> BlockingPool::run(Work work) {
    using T = std::invoke_result_t<Work&>;
    auto home = co_await boost::asio::this_coro::executor;
    co_await boost::asio::post(pool_.get_executor(), boost::asio::use_awaitable_t<>{});
    // An exception here is a broken invariant; it must surface on the caller's executor.
    std::exception_ptr broken;
    if constexpr (std::is_void_v<T>) {
        try { work(); } catch (...) { broken = std::current_exception(); }
        co_await boost::asio::post(home, boost::asio::use_awaitable_t<>{});
        if (broken) std::rethrow_exception(broken);
    } else {
        std::optional<T> value;
        try { value.emplace(work()); } catch (...) { broken = std::current_exception(); }
        co_await boost::asio::post(home, boost::asio::use_awaitable_t<>{});
        if (broken) std::rethrow_exception(broken);
        co_return std::move(*value);
    }
}

}  // namespace berth::async
