#include <algorithm>

#include "tests/unit/engine/logs/log_fixture.h"

namespace berth::logs {

TEST_F(LocalLogTest, IsDockersFormat) {
    auto log = open();
    ASSERT_TRUE(log->write(Stream::kStderr, Timestamp(std::chrono::nanoseconds(300)), "ab", false));
    ASSERT_TRUE(log->flush());
    const std::string entry(
        "\x0a\x06stderr\x10\xac\x02\x1a\x02"
        "ab",
        15);
    const std::string size("\0\0\0\x0f", 4);
    EXPECT_EQ(size + entry + size, *read_file(path_));
}

TEST_F(LocalLogTest, TailFollowAndRotation) {
    auto log = open({{"compress", "false"}, {"max-size", "2k"}, {"max-file", "9"}});
    auto follower = reader({.follow = true});
    write(*log, 0, 200);
    EXPECT_TRUE(exists(path_ + ".1"));
    EXPECT_EQ(lines(0, 200), all(*follower, Progress::kWaiting));
    EXPECT_EQ(lines(0, 200), read());
    for (int count : {0, 1, 50, 199, 200, 300}) {
        EXPECT_EQ(lines(std::max(0, 200 - count), 200), read({.tail = static_cast<std::uint64_t>(count)}));
    }
    EXPECT_EQ(lines(90, 111), read({.since = at(90), .until = at(110)}));
}

TEST_F(LocalLogTest, LongLinesHaveNoNewlineButTheLast) {
    auto log = open();
    LineCutter cutter(*log, Stream::kStdout);
    const std::string line(40'000, 'x');
    ASSERT_TRUE(cutter.add(line + "\nshort\n"));
    ASSERT_TRUE(log->flush());
    EXPECT_EQ(line + "\nshort\n", read());
}

TEST_F(LocalLogTest, DamageIsPassedOver) {
    auto log = open();
    write(*log, 0, 10);
    auto bytes = *read_file(path_);
    const std::size_t each = bytes.size() / 10;
    bytes[3 * each + 3] = '\x7f';                           // a size that is wrong
    bytes.insert(6 * each, std::string("\0\0rubbish", 9));  // between two records
    ASSERT_TRUE(write_file(path_, bytes + bytes.substr(0, each - 5)));
    auto source = reader();
    EXPECT_EQ(lines(0, 3) + lines(4, 10), all(*source, Progress::kEnd));
    EXPECT_EQ(2u, source->damaged());
    EXPECT_EQ(lines(7, 10), read({.tail = 3}));
    EXPECT_EQ(lines(0, 3) + lines(4, 10), read({.tail = 9}));
}

}  // namespace berth::logs
