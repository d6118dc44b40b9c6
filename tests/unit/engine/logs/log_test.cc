#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>

#include <algorithm>
#include <csignal>
#include <thread>

#include "engine/logs/packed_file.h"
#include "tests/unit/engine/logs/log_fixture.h"

namespace berth::logs {

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

// Bytes that this process has read so far, by the kernel's count.
std::uint64_t bytes_read() {
    const std::string text = read_file("/proc/self/io", 4096).value();
    return std::stoull(text.substr(text.find("rchar:") + 6));
}

TEST_F(LogTest, ASinceOrATailReadsNoMoreThanItMust) {
    for (const char* driver : {"json-file", "local"}) {
        driver_ = driver;
        path_ = folder_.path() + "/" + driver;
        // Three files of about 4 MB, of lines of all lengths.
        auto log = open({{"max-size", "4m"}, {"max-file", "3"}, {"compress", "false"}});
        const std::string filler(700, 'x');
        for (int i = 0; i < 25'000; ++i) {
            const auto text = std::to_string(i) + filler.substr(0, static_cast<std::size_t>(i * 7 % 700));
            ASSERT_TRUE(log->write(Stream::kStdout, at(i), text, false));
        }
        ASSERT_TRUE(log->flush());
        const std::string everything = read();
        for (int from : {24'990, 24'000, 20'000, 15'000}) {
            const auto before = bytes_read();
            const std::string found = read({.since = at(from)});
            const auto cost = bytes_read() - before;
            EXPECT_TRUE(found.starts_with(std::to_string(from) + "x") ||
                        found.starts_with(std::to_string(from) + "\n"));
            EXPECT_TRUE(everything.ends_with(found));
            EXPECT_LT(cost, found.size() * 2 + (2 << 20)) << driver << " " << from;
        }
        const auto before = bytes_read();
        EXPECT_FALSE(read({.tail = 3}).empty());
        EXPECT_LT(bytes_read() - before, 256 << 10);
        EXPECT_EQ(everything, read({.since = at(0)}));
        EXPECT_EQ("", read({.since = at(30'000)}));
    }
}

TEST_F(LogTest, SinceGoesThroughDamage) {
    auto log = open();
    write(*log, 0, 20'000);
    auto bytes = read_file(path_, 64 << 20).value();
    // The middle, where the search begins, is of nobody's making.
    std::fill(bytes.begin() + static_cast<std::ptrdiff_t>(bytes.size() / 2) - 3000,
              bytes.begin() + static_cast<std::ptrdiff_t>(bytes.size() / 2) + 3000, '#');
    UniqueFd file = open_file(path_, O_WRONLY | O_TRUNC).value();
    ASSERT_TRUE(write_all(file.get(), bytes));
    EXPECT_EQ(lines(19'000, 20'000), read({.since = at(19'000)}));
    EXPECT_TRUE(read({.since = at(100)}).starts_with("100\n"));
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
    const auto keep = [&](const Record& record) { records.push_back(record); };
    while (source->read(keep).value() == Progress::kMore) {
    }
    std::vector<std::size_t> sizes;
    for (const Record& record : records) sizes.push_back(record.text.size());
    EXPECT_EQ((std::vector<std::size_t>{16384, 16384, 7233, 6, 1, 3}), sizes);
    EXPECT_EQ(records[0].time, records[2].time);
}

TEST_F(LogTest, AttributesAreInEveryRecord) {
    LogPlan plan{driver_, path_, {}, {{"tag", "a<b"}, {"rack", "7"}}, ""};
    auto log = open_log(plan).value();
    write(*log, 0, 2);
    std::vector<Record> records;
    const auto keep = [&](const Record& record) { records.push_back(record); };
    ASSERT_EQ(Progress::kMore, reader()->read(keep).value());
    ASSERT_EQ(2u, records.size());
    EXPECT_EQ((std::vector<std::pair<std::string, std::string>>{{"rack", "7"}, {"tag", "a<b"}}),
              records[1].attributes);
    auto text = read_file(path_);
    EXPECT_TRUE(
        text->starts_with(R"({"log":"0\n","stream":"stdout","attrs":{"rack":"7","tag":"a\u003cb"},"time":)"));
}

TEST_F(LogTest, CompressedFilesAreRead) {
    auto log = open({{"max-size", "1k"}, {"max-file", "50"}});
    write(*log, 0, 100);
    auto follower = reader({.tail = 1, .follow = true});
    EXPECT_EQ("99\n", all(*follower, Progress::kWaiting));
    const std::string plain = read();
    ASSERT_TRUE(pack_rotated(path_));
    EXPECT_TRUE(exists(path_ + ".2.gz"));
    EXPECT_FALSE(exists(path_ + ".2"));
    EXPECT_EQ(lines(0, 100), plain);
    EXPECT_EQ(plain, read());
    EXPECT_EQ(lines(70, 100), read({.tail = 30}));
    // Who follows knows a file again that has been packed behind its back.
    write(*log, 100, 200);
    ASSERT_TRUE(pack_rotated(path_));
    EXPECT_EQ(lines(100, 200), all(*follower, Progress::kWaiting));
    ASSERT_TRUE(remove_logs(path_));
    EXPECT_TRUE(list_folder(folder_.path())->empty());
}

TEST_F(LogTest, CompressedFilesMoveUpAndGo) {
    auto log = open({{"max-size", "1k"}, {"max-file", "3"}});
    write(*log, 0, 30);
    ASSERT_TRUE(pack_rotated(path_));
    write(*log, 30, 45);
    EXPECT_TRUE(exists(path_ + ".2.gz"));
    EXPECT_TRUE(exists(path_ + ".1"));
    EXPECT_TRUE(lines(0, 45).ends_with(read()));
    write(*log, 45, 90);
    EXPECT_FALSE(exists(path_ + ".2.gz"));
    EXPECT_TRUE(lines(0, 90).ends_with(read()));
}

TEST_F(LogTest, FilesMoveUpWhileTheyAreCompressed) {
    auto log = open({{"max-size", "1k"}, {"max-file", "50"}});
    write(*log, 0, 30);
    std::thread packer;
    {
        auto held = hold_rotated(path_);
        ASSERT_TRUE(held);
        packer = std::thread([this] { EXPECT_TRUE(pack_rotated(path_)); });
        EXPECT_TRUE(exists(path_ + ".1"));
    }
    write(*log, 30, 60);
    packer.join();
    ASSERT_TRUE(pack_rotated(path_));
    EXPECT_FALSE(exists(path_ + ".1"));
    EXPECT_FALSE(exists(path_ + ".gz.tmp"));
    EXPECT_EQ(lines(0, 60), read());
    // The oldest may be gone when it is packed.
    auto short_log = open({{"max-size", "1k"}, {"max-file", "2"}});
    write(*short_log, 60, 90);
    ASSERT_TRUE(pack_rotated(path_));
    EXPECT_TRUE(lines(0, 90).ends_with(read({.tail = 5})));
}

TEST_F(LogTest, AFullDiskLosesNothingThatFitsInMemory) {
    // The limit on a file's size stands for the disk's.
    ::signal(SIGXFSZ, SIG_IGN);
    rlimit before{};
    ASSERT_EQ(0, ::getrlimit(RLIMIT_FSIZE, &before));
    auto log = open();
    write(*log, 0, 10);
    rlimit little{1000, before.rlim_max};
    ASSERT_EQ(0, ::setrlimit(RLIMIT_FSIZE, &little));
    for (int i = 10; i < 20; ++i) ASSERT_TRUE(log->write(Stream::kStdout, at(i), std::to_string(i), false));
    EXPECT_FALSE(log->flush());
    EXPECT_EQ(lines(0, 10), read());
    const std::string big(10'000, 'x');
    for (int i = 0; i < 200; ++i) (void)log->write(Stream::kStdout, at(20), big, false).has_value();
    EXPECT_GT(log->lost(), 90u);
    ASSERT_EQ(0, ::setrlimit(RLIMIT_FSIZE, &before));
    ASSERT_TRUE(log->flush());
    EXPECT_TRUE(read().starts_with(lines(0, 20) + big));
}

TEST(LogOptions, AreCheckedByName) {
    auto text = [](const std::string& driver, const Options& options) {
        auto checked = check_log_options(driver, options);
        return checked ? std::string("ok") : checked.error().message;
    };
    EXPECT_EQ("ok", text("none", {}));
    EXPECT_EQ("ok", text("json-file", {{"max-size", "10m"}, {"max-file", "3"}}));
    EXPECT_EQ("unknown log opt 'colour' for json-file log driver", text("json-file", {{"colour", "red"}}));
    EXPECT_EQ("ok", text("json-file", {{"tag", "{{.Name}}"}, {"labels", "a"}, {"env-regex", "^A"}}));
    EXPECT_EQ("ok", text("json-file", {{"mode", "non-blocking"}, {"max-buffer-size", "4m"}}));
    EXPECT_EQ("logger: logging mode not supported: x", text("json-file", {{"mode", "x"}}));
    EXPECT_EQ("logger: max-buffer-size option is only supported with 'mode=non-blocking'",
              text("json-file", {{"max-buffer-size", "4m"}}));
    EXPECT_EQ("compress cannot be true when max-file is less than 2 or max-size is not set",
              text("json-file", {{"compress", "true"}}));
    EXPECT_EQ("unknown log opt 'tag' for log driver local", text("local", {{"tag", "x"}}));
    EXPECT_EQ("compression cannot be enabled when max file count is 1", text("local", {{"max-file", "1"}}));
    EXPECT_EQ("ok", text("local", {{"max-file", "1"}, {"compress", "false"}}));
    EXPECT_EQ("error looking up logging plugin nope: plugin \"nope\" not found", text("nope", {}));
    EXPECT_EQ("ok", text("journald", {{"tag", "x"}, {"cache-disabled", "true"}, {"cache-max-size", "1m"}}));
    EXPECT_EQ("max-file cannot be less than 1",
              text("gelf", {{"gelf-address", "udp://x:1"}, {"cache-max-file", "0"}}));
    EXPECT_EQ("ok", text("syslog", {}));
    EXPECT_EQ("ok", text("syslog", {{"syslog-address", "udp://[::1]"}, {"syslog-facility", "local7"}}));
    EXPECT_EQ("unsupported scheme: 'http'", text("syslog", {{"syslog-address", "http://x"}}));
    EXPECT_EQ("ok", text("syslog", {{"syslog-address", "tcp+tls://x:1"}}));
    EXPECT_EQ("invalid syslog facility", text("syslog", {{"syslog-facility", "24"}}));
    EXPECT_EQ("Invalid syslog format", text("syslog", {{"syslog-format", "x"}}));
    EXPECT_EQ("gelf-address is a required parameter", text("gelf", {}));
    EXPECT_EQ("gelf: please provide gelf-address as proto://host:port",
              text("gelf", {{"gelf-address", "udp://x"}}));
    EXPECT_EQ("compression is only supported on UDP",
              text("gelf", {{"gelf-address", "tcp://x:1"}, {"gelf-compression-type", "gzip"}}));
    EXPECT_EQ("unknown log opt \"colour\" for gelf log driver",
              text("gelf", {{"gelf-address", "tcp://x:1"}, {"colour", "red"}}));
    EXPECT_EQ("ok", text("fluentd", {{"fluentd-async", "true"}, {"fluentd-retry-wait", "1m500ms"}}));
    EXPECT_EQ("invalid fluentd-address (udp://x): unsupported scheme: 'udp'",
              text("fluentd", {{"fluentd-address", "udp://x"}}));
    EXPECT_EQ("time: missing unit in duration \"5\"", text("fluentd", {{"fluentd-retry-wait", "5"}}));
    EXPECT_EQ("max-file cannot be less than 1", text("json-file", {{"max-file", "0"}}));
    EXPECT_NE("ok", text("json-file", {{"max-size", "ten"}}));
    EXPECT_NE("ok", text("json-file", {{"max-size", "0"}}));
}

TEST(LogReader, NoneCannotBeRead) {
    auto reader = open_log_reader("none", "/nowhere", {});
    ASSERT_FALSE(reader);
    EXPECT_EQ("configured logging driver does not support reading", reader.error().message);
}

}  // namespace berth::logs
