#include "engine/async/blocking_pool.h"

#include <pthread.h>
#include <signal.h>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

namespace berth::async {

namespace asio = boost::asio;

namespace {
constexpr auto kIdle = std::chrono::seconds(10);
}  // namespace

// Threads hold it too: the last of them may still be on its way out when the pool is gone.
struct BlockingPool::Impl : std::enable_shared_from_this<Impl> {
    explicit Impl(std::size_t threads) : limit(threads) {}
    const std::size_t limit;
    std::mutex mutex;
    std::condition_variable work_came, thread_left;
    std::deque<std::function<void()>> queue;
    std::size_t threads = 0, idle = 0;
    bool closing = false;

    void serve();
    void start_thread();
};

void BlockingPool::Impl::serve() {
    std::unique_lock lock(mutex);
    for (;;) {
        ++idle;
        bool woken = work_came.wait_for(lock, kIdle, [this] { return closing || !queue.empty(); });
        --idle;
        if (queue.empty() && (closing || !woken)) break;
        auto work = std::move(queue.front());
        queue.pop_front();
        lock.unlock();
        work();
        work = nullptr;
        lock.lock();
    }
    --threads;
    thread_left.notify_all();
}

// Signals belong to the io thread.
void BlockingPool::Impl::start_thread() {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    std::thread([self = shared_from_this()] { self->serve(); }).detach();
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    ++threads;
}

BlockingPool::BlockingPool(std::size_t threads) : impl_(std::make_shared<Impl>(threads)) {}

BlockingPool::~BlockingPool() {
    std::unique_lock lock(impl_->mutex);
    impl_->closing = true;
    impl_->work_came.notify_all();
    impl_->thread_left.wait(lock, [this] { return impl_->threads == 0; });
}

void BlockingPool::submit(std::function<void()> work) {
    std::lock_guard lock(impl_->mutex);
    impl_->queue.push_back(std::move(work));
    if (impl_->queue.size() > impl_->idle && impl_->threads < impl_->limit) impl_->start_thread();
    impl_->work_came.notify_one();
}

// The coroutine itself stays on its thread: what travels is the work and, back, the handler that resumes it.
Async<void> BlockingPool::run_and_resume(std::function<void()> work) {
    auto home = co_await asio::this_coro::executor;
    auto tracked = asio::prefer(home, asio::execution::outstanding_work.tracked);
    auto initiate = [this, &work, &tracked](auto handler) {
        auto resume = std::make_shared<decltype(handler)>(std::move(handler));
        submit([&work, tracked, resume]() mutable {
            work();
            auto back = std::move(resume);
            asio::post(tracked, [back = std::move(back)] { std::move (*back)(); });
        });
    };
    co_await asio::async_initiate<const asio::use_awaitable_t<>, void()>(initiate, asio::use_awaitable);
}

}  // namespace berth::async
