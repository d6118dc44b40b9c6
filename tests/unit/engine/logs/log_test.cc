#include <gtest/gtest.h>
#include <poll.h>

#include "engine/base/files.h"
#include "engine/logs/log_driver.h"
#include "engine/logs/log_reader.h"

namespace berth::logs {

namespace {

class LogTest : public ::testing::Test {
 protected:
    std::unique_ptr<LogDriver> open(const Options& options = {}) {
        return open_log("json-file", path_, options).value();
    }
    void write(LogDriver& log, int from, int to) {
        for (int i = from; i < to; ++i)
            ASSERT_TRUE(log.write(Stream::kStdout, at(i), std::to_string(i), false));
        ASSERT_TRUE(log.flush());
    }
    static Timestamp at(int second) { return Timestamp(std::chrono::seconds(1'000'000 + second)); }

    std::unique_ptr<LogReader> reader(ReadOptions options = {}) {
        return open_log_reader("json-file", path_, std::move(options)).value();
    }
    // What is there now, joined; `last` is how it ended.
    static std::string all(LogReader& reader, Progress last) {
        std::vector<Record> records;
        Progress progress = Progress::kMore;
        while (progress == Progress::kMore) progress = reader.read(records).value();
        EXPECT_EQ(last, progress);
        std::string out;
        for (const Record& record : records) out += record.text;
        return out;
    }
    std::string read(ReadOptions options = {}) { return all(*reader(std::move(options)), Progress::kEnd); }
    static std::string lines(int from, int to) {
        std::string out;
        for (int i = from; i < to; ++i) out += std::to_string(i) + "\n";
        return out;
    }

    TempDir folder_ = TempDir::make().value();
    std::string path_ = folder_.path() + "/log";
};

}  // namespace

TEST_F(LogTest, TailOfAnyLength) {
    EXPECT_EQ("", read({.tail = 5}));
    auto log = open();
    write(*log, 0, 5000);
    EXPECT_EQ(lines(0, 5000), read());
    for (int count : {0, 1, 2, 600, 4999, 5000}) {
        EXPECT_EQ(lines(5000 - count, 5000), read({.tail = static_cast<std::uint64_t>(count)}));
    }
    EXPECT_EQ(lines(0, 5000), read({.tail = 6000}));
}

TEST_F(LogTest, SinceAndUntilIncludeTheirSecond) {
    auto log = open();
    write(*log, 0, 100);
    EXPECT_EQ(lines(90, 100), read({.since = at(90)}));
    EXPECT_EQ(lines(0, 11), read({.until = at(10)}));
    EXPECT_EQ(lines(40, 61), read({.since = at(40), .until = at(60)}));
}

TEST_F(LogTest, OneStream) {
    auto log = open();
    ASSERT_TRUE(log->write(Stream::kStdout, at(0), "out", false));
    ASSERT_TRUE(log->write(Stream::kStderr, at(1), "err", false));
    ASSERT_TRUE(log->flush());
    EXPECT_EQ("err\n", read({.with_stdout = false}));
    EXPECT_EQ("out\n", read({.with_stderr = false}));
}

TEST_F(LogTest, RotationKeepsTheNewestFiles) {
    auto log = open({{"max-size", "1k"}, {"max-file", "3"}});
    write(*log, 0, 100);
    EXPECT_TRUE(exists(path_ + ".1"));
    EXPECT_TRUE(exists(path_ + ".2"));
    EXPECT_FALSE(exists(path_ + ".3"));
    std::string kept = read();
    EXPECT_TRUE(lines(0, 100).ends_with(kept));
    EXPECT_GT(kept.size(), lines(85, 100).size());
    EXPECT_EQ(lines(80, 100), read({.tail = 20}));
    ASSERT_TRUE(remove_logs(path_));
    EXPECT_TRUE(list_folder(folder_.path())->empty());
}

TEST_F(LogTest, OneFileStartsOver) {
    auto log = open({{"max-size", "1k"}});
    write(*log, 0, 100);
    EXPECT_TRUE(lines(0, 100).ends_with(read()));
    EXPECT_FALSE(exists(path_ + ".1"));
}

TEST_F(LogTest, FollowSeesEverythingThroughRotations) {
    auto follower = reader({.follow = true});
    EXPECT_EQ("", all(*follower, Progress::kWaiting));
    auto log = open({{"max-size", "1k"}, {"max-file", "50"}});
    std::string got;
    for (int i = 0; i < 500; i += 100) {
        write(*log, i, i + 100);
        pollfd ready{follower->notify_fd(), POLLIN, 0};
        ASSERT_EQ(1, ::poll(&ready, 1, 10'000));
        got += all(*follower, Progress::kWaiting);
    }
    write(*log, 500, 520);
    follower->finish();
    got += all(*follower, Progress::kEnd);
    EXPECT_EQ(lines(0, 520), got);
}

TEST_F(LogTest, ALineBeingWrittenIsNoRecordYet) {
    ASSERT_TRUE(write_file(path_, R"({"log":"a\n","stream":"stdout","time":"2026-11-21T01:20:00Z"})"
                                  "\nrubbish\n"
                                  R"({"log":"b)"));
    EXPECT_EQ("a\n", read());
    EXPECT_EQ("", read({.tail = 1}));
}

TEST_F(LogTest, LongLinesAreCutLikeDockers) {
    auto log = open();
    LineCutter cutter(*log, Stream::kStdout);
    std::string line(40'000, 'x');
    ASSERT_TRUE(cutter.add(std::string_view(line).substr(0, 100)));
    ASSERT_TRUE(cutter.add(std::string_view(line).substr(100)));
    ASSERT_TRUE(cutter.add("\nshort\n\nend"));
    ASSERT_TRUE(cutter.finish());
    ASSERT_TRUE(log->flush());
    std::vector<Record> records;
    auto source = reader();
    while (source->read(records).value() == Progress::kMore) {
    }
    std::vector<std::size_t> sizes;
    for (const Record& record : records) sizes.push_back(record.text.size());
    EXPECT_EQ((std::vector<std::size_t>{16384, 16384, 7233, 6, 1, 3}), sizes);
    EXPECT_EQ(records[0].time, records[2].time);
}

TEST(LogOptions, AreCheckedByName) {
    auto text = [](const std::string& driver, const Options& options) {
        auto checked = check_log_options(driver, options);
        return checked ? std::string("ok") : checked.error().message;
    };
    EXPECT_EQ("ok", text("none", {}));
    EXPECT_EQ("ok", text("json-file", {{"max-size", "10m"}, {"max-file", "3"}}));
    EXPECT_EQ("unknown log opt 'colour' for json-file log driver", text("json-file", {{"colour", "red"}}));
    EXPECT_EQ("log opt 'tag' is not supported yet for json-file log driver",
              text("json-file", {{"tag", "x"}}));
    EXPECT_EQ("max-file cannot be less than 1", text("json-file", {{"max-file", "0"}}));
    EXPECT_NE("ok", text("json-file", {{"max-size", "ten"}}));
    EXPECT_NE("ok", text("json-file", {{"max-size", "0"}}));
    EXPECT_NE("ok", text("syslog", {}));
}

TEST(LogReader, NoneCannotBeRead) {
    auto reader = open_log_reader("none", "/nowhere", {});
    ASSERT_FALSE(reader);
    EXPECT_EQ("configured logging driver does not support reading", reader.error().message);
}

}  // namespace berth::logs
