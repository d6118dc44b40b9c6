#include "engine/events/bus.h"

#include <gtest/gtest.h>

#include <thread>

#include "engine/async/spawn.h"
#include "engine/events/filter.h"

namespace berth::events {
namespace {

using async::block_on;

Event event(std::string action, std::string id = "i") {
    return {"container", std::move(action), std::move(id), {}, {}, "local"};
}

Async<Result<Event>> read_next(Bus::Subscription& live) {
    return live.next();
}

TEST(Bus, ReadersGetThePastOnceAndThenWhatComes) {
    IoContext io;
    Bus bus(io);
    bus.publish(event("create"));
    auto reading = bus.subscribe();
    ASSERT_EQ(reading.past.size(), 1u);
    std::thread elsewhere([&] { bus.publish(event("start")); });
    auto next = block_on(io, read_next(*reading.live));
    elsewhere.join();
    ASSERT_TRUE(next);
    EXPECT_EQ(next->action, "start");
    EXPECT_GE(next->time, reading.past[0].time);
    EXPECT_EQ(bus.listeners(), 1);
    reading.live.reset();
    EXPECT_EQ(bus.listeners(), 0);
}

TEST(Bus, KeepsTheLast256) {
    IoContext io;
    Bus bus(io);
    for (int i = 0; i < 300; ++i) bus.publish(event(std::to_string(i)));
    auto reading = bus.subscribe();
    ASSERT_EQ(reading.past.size(), Bus::kHistory);
    EXPECT_EQ(reading.past.front().action, "44");
}

TEST(Bus, ASlowReaderIsToldAndAnEndIsSeen) {
    IoContext io;
    auto bus = std::make_unique<Bus>(io);
    auto slow = bus->subscribe();
    for (std::size_t i = 0; i <= Bus::kBacklog; ++i) bus->publish(event("x"));
    io.poll();
    for (std::size_t i = 0; i < Bus::kBacklog; ++i) ASSERT_TRUE(block_on(io, read_next(*slow.live)));
    auto late = block_on(io, read_next(*slow.live));
    ASSERT_FALSE(late);
    EXPECT_EQ(late.error().kind, ErrorKind::kUnavailable);
    auto other = bus->subscribe();
    bus.reset();
    auto ended = block_on(io, read_next(*other.live));
    ASSERT_FALSE(ended);
    EXPECT_EQ(ended.error().kind, ErrorKind::kCancelled);
}

TEST(Filter, FollowsDocker) {
    Event start{"container", "exec_start: sh",
                "abcdef",    {{"name", "web"}, {"image", "h:5/nginx:1"}, {"tier", "front"}},
                {},          "local"};
    EXPECT_TRUE(matches(start, {}));
    EXPECT_TRUE(matches(start, {{"type", {"container", "image"}}, {"container", {"abc"}}}));
    EXPECT_TRUE(matches(start, {{"container", {"web"}}, {"event", {"exec_start"}}}));
    EXPECT_TRUE(matches(start, {{"image", {"h:5/nginx"}}}));
    EXPECT_TRUE(matches(start, {{"label", {"tier=front"}}}));
    EXPECT_TRUE(matches(start, {{"label", {"tier"}}}));
    EXPECT_FALSE(matches(start, {{"label", {"tier=front", "x"}}}));
    EXPECT_FALSE(matches(start, {{"event", {"start"}}}));
    EXPECT_FALSE(matches(start, {{"container", {"other"}}}));
    EXPECT_FALSE(matches(start, {{"image", {"nginx"}}}));
    EXPECT_FALSE(matches(start, {{"type", {"image"}}}));
}

}  // namespace
}  // namespace berth::events
