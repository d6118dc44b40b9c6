#include "engine/async/race.h"

#include <gtest/gtest.h>

#include "engine/async/event.h"
#include "engine/async/spawn.h"

namespace berth::async {
namespace {

Async<int> answer(int value) {
    co_return value;
}

Async<Result<>> wait_for_ever(bool* cancelled_flag) {
    auto slept = co_await sleep_for(std::chrono::hours(1));
    *cancelled_flag = !slept && slept.error().kind == ErrorKind::kCancelled;
    co_return slept;
}

Async<Result<>> fall_asleep_twice(int* naps) {
    for (int i = 0; i < 2; ++i) {
        auto slept = co_await sleep_for(std::chrono::hours(1));
        if (!slept) ++*naps;
    }
    co_return Result<>();
}

Async<std::size_t> winner_of(Async<Result<>> slow, Async<int> fast) {
    auto result = co_await race(std::move(slow), std::move(fast));
    co_return result.index();
}

TEST(Race, GivesTheFirstAndCancelsTheOther) {
    IoContext io;
    bool cancelled_flag = false;
    EXPECT_EQ(block_on(io, winner_of(wait_for_ever(&cancelled_flag), answer(7))), 1u);
    EXPECT_TRUE(cancelled_flag);
}

TEST(Race, ALoserThatWaitsAgainIsCancelledAgain) {
    IoContext io;
    int naps = 0;
    EXPECT_EQ(block_on(io, winner_of(fall_asleep_twice(&naps), answer(7))), 1u);
    EXPECT_EQ(naps, 2);
}

Async<int> broken() {
    throw std::runtime_error("broken");
    co_return 0;
}

TEST(Race, AnExceptionComesOut) {
    IoContext io;
    bool ignored = false;
    EXPECT_THROW(block_on(io, winner_of(wait_for_ever(&ignored), broken())), std::runtime_error);
}

TEST(WithDeadline, CancelsWhatTakesTooLong) {
    IoContext io;
    bool cancelled_flag = false;
    auto work = wait_for_ever(&cancelled_flag);
    auto result = block_on(io, with_deadline(std::chrono::milliseconds(1), "nap", std::move(work)));
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().kind, ErrorKind::kDeadlineExceeded);
    EXPECT_EQ(result.error().message, "nap: deadline exceeded");
    EXPECT_TRUE(cancelled_flag);
}

TEST(WithDeadline, PassesOnWhatCameInTime) {
    IoContext io;
    auto result =
        block_on(io, with_deadline(std::chrono::hours(1), "nap", sleep_for(std::chrono::nanoseconds(1))));
    EXPECT_TRUE(result);
}

}  // namespace
}  // namespace berth::async
