#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "engine/async/blocking_pool.h"
#include "engine/async/channel.h"
#include "engine/async/event.h"
#include "engine/async/gate.h"
#include "engine/async/key_lock.h"
#include "engine/async/race.h"
#include "engine/async/spawn.h"

namespace berth::async {
namespace {

Async<void> wait_then_count(Event& event, int* count) {
    auto waited = co_await event.wait();
    if (waited) ++*count;
}

Async<void> set_and_close(Event& event, Gate& gate) {
    event.set();
    co_await gate.close();
}

TEST(Event, WakesAllNowAndLater) {
    IoContext io;
    Event event(io);
    Gate gate(io);
    int count = 0;
    gate.spawn(wait_then_count(event, &count));
    gate.spawn(wait_then_count(event, &count));
    block_on(io, set_and_close(event, gate));
    block_on(io, wait_then_count(event, &count));
    EXPECT_EQ(count, 3);
}

Async<void> wait_on_dying(std::unique_ptr<Event>& event, bool* cancelled_flag) {
    auto waited = co_await event->wait();
    *cancelled_flag = !waited;
}

TEST(Event, DestructionCancelsWaiters) {
    IoContext io;
    auto event = std::make_unique<Event>(io);
    bool cancelled_flag = false;
    spawn(io, wait_on_dying(event, &cancelled_flag));
    io.poll();
    event.reset();
    io.restart();
    io.run();
    EXPECT_TRUE(cancelled_flag);
}

Async<void> take_turn(KeyLock& locks, std::string key, int number, std::vector<int>* order) {
    auto guard = co_await locks.lock(key);
    if (!guard) co_return;
    co_await sleep_for(std::chrono::microseconds(10));
    order->push_back(number);
}

Async<void> close(Gate& gate) {
    co_await gate.close();
}

TEST(KeyLock, IsFirstComeFirstServedPerKey) {
    IoContext io;
    KeyLock locks(io);
    Gate gate(io);
    std::vector<int> order;
    for (int i = 0; i < 5; ++i) gate.spawn(take_turn(locks, "a", i, &order));
    block_on(io, close(gate));
    EXPECT_EQ(order, (std::vector<int>{0, 1, 2, 3, 4}));
    EXPECT_FALSE(locks.is_locked("a"));
}

Async<bool> give_up_while_waiting(KeyLock& locks, std::vector<int>* order) {
    auto held = co_await locks.lock("a");
    auto late = take_turn(locks, "a", 1, order);
    auto blocked = co_await race(std::move(late), sleep_for(std::chrono::milliseconds(1)));
    held->unlock();
    auto again = co_await locks.lock("a");
    co_return blocked.index() == 1 && again.has_value();
}

TEST(KeyLock, ACancelledWaiterLeavesTheQueue) {
    IoContext io;
    KeyLock locks(io);
    std::vector<int> order;
    EXPECT_TRUE(block_on(io, give_up_while_waiting(locks, &order)));
    EXPECT_TRUE(order.empty());
    EXPECT_FALSE(locks.is_locked("a"));
}

Async<void> sleep_long() {
    co_await sleep_for(std::chrono::hours(1));
}

TEST(Gate, CloseWaitsAndCancelWakes) {
    IoContext io;
    Gate gate(io);
    gate.spawn(sleep_long());
    gate.spawn(sleep_long());
    io.poll();
    EXPECT_EQ(gate.inside(), 2u);
    gate.cancel();
    block_on(io, close(gate));
    EXPECT_EQ(gate.inside(), 0u);
    EXPECT_FALSE(gate.spawn(sleep_long()));
}

Async<void> produce(Channel<int>& channel, int count, int* most) {
    for (int i = 0; i < count; ++i) {
        auto sent = co_await channel.send(i);
        if (!sent) co_return;
        *most = i;
    }
    channel.close();
}

Async<int> consume(Channel<int>& channel) {
    int sum = 0;
    for (;;) {
        auto value = co_await channel.receive();
        if (!value || !*value) co_return sum;
        sum += **value;
    }
}

TEST(Channel, HoldsBackTheSender) {
    IoContext io;
    Channel<int> channel(io, 2);
    int most = -1;
    spawn(io, produce(channel, 10, &most));
    io.poll();
    EXPECT_EQ(most, 1);
    EXPECT_EQ(block_on(io, consume(channel)), 45);
}

Async<bool> where_am_i(BlockingPool& pool, std::thread::id* worker) {
    auto before = std::this_thread::get_id();
    *worker = co_await pool.run([] { return std::this_thread::get_id(); });
    co_return before == std::this_thread::get_id();
}

TEST(BlockingPool, WorksElsewhereAndComesBack) {
    IoContext io;
    BlockingPool pool(2);
    std::thread::id worker;
    EXPECT_TRUE(block_on(io, where_am_i(pool, &worker)));
    EXPECT_NE(worker, std::this_thread::get_id());
}

Async<int> throw_in_pool(BlockingPool& pool) {
    int value = co_await pool.run([]() -> int { throw std::runtime_error("broken"); });
    co_return value;
}

TEST(BlockingPool, AnExceptionSurfacesAtTheCaller) {
    IoContext io;
    BlockingPool pool(1);
    EXPECT_THROW(block_on(io, throw_in_pool(pool)), std::runtime_error);
}

Async<bool> cancelled_work_still_ends(BlockingPool& pool, bool* ended) {
    auto work = pool.run([ended] {
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
        *ended = true;
    });
    auto result = co_await race(std::move(work), sleep_for(std::chrono::nanoseconds(1)));
    co_return result.index() == 1;
}

TEST(BlockingPool, IsNeverCancelledHalfWay) {
    IoContext io;
    BlockingPool pool(1);
    bool ended = false;
    EXPECT_TRUE(block_on(io, cancelled_work_still_ends(pool, &ended)));
    EXPECT_TRUE(ended);
}

}  // namespace
}  // namespace berth::async
