#include "engine/logs/replay.h"

#include "tests/unit/engine/logs/log_fixture.h"

namespace berth::logs {

TEST_F(LogTest, ReplayGivesBackWhatWasWrittenByteForByte) {
    auto log = open({{"max-size", "5m"}, {"max-file", "3"}});
    write(*log, 0, 3);
    auto replay = log->replay();
    ASSERT_TRUE(replay);
    std::string wanted;
    auto add = [&](std::string line, bool partial) {
        ASSERT_TRUE(log->write(Stream::kStdout, at(0), line, partial));
        wanted += line + (partial ? "" : "\n");
    };
    add("\xff\xfe is no UTF-8", false);
    // A character that is cut by the length of a line.
    add("half \xe2\x82", true);
    add("\xac of it", false);
    // Over a rotation.
    for (int i = 0; i < 60'000; ++i) add("a line with a number: " + std::to_string(i), false);
    ASSERT_TRUE(log->flush());
    EXPECT_TRUE(exists(path_ + ".1"));
    std::string found;
    while (auto record = replay->next().value()) found += record->text;
    EXPECT_EQ(found, wanted);
    EXPECT_FALSE(replay->full());
    // And on from there.
    add("more", false);
    ASSERT_TRUE(log->flush());
    EXPECT_EQ(replay->next().value()->text, "more\n");
    EXPECT_FALSE(replay->next().value());
}

TEST_F(LogTest, ReplayIsFullWhereItWouldKeepTooMuch) {
    auto log = open();
    auto replay = log->replay();
    const std::string line(16'000, '\xff');
    for (int i = 0; i < 20; ++i) ASSERT_TRUE(log->write(Stream::kStderr, at(0), line, true));
    ASSERT_TRUE(log->flush());
    EXPECT_TRUE(replay->full());
    for (int i = 0; i < 20; ++i) EXPECT_EQ(replay->next().value()->text, line);
    EXPECT_FALSE(replay->full());
}

TEST_F(LogTest, ReplayIsRefusedWhereOldRecordsGo) {
    EXPECT_FALSE(open({{"max-size", "10m"}})->replay());
    EXPECT_FALSE(open({{"max-size", "1m"}, {"max-file", "3"}})->replay());
    EXPECT_TRUE(open({{"max-size", "10m"}, {"max-file", "2"}})->replay());
}

}  // namespace berth::logs
