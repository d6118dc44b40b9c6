#pragma once

#include <gtest/gtest.h>

#include <string>

#include "engine/base/files.h"
#include "engine/logs/log_driver.h"
#include "engine/logs/log_reader.h"

namespace berth::logs {

// A log in a folder of its own: json-file here, local below.
class LogTest : public ::testing::Test {
 protected:
    std::unique_ptr<LogDriver> open(const Options& options = {}) {
        return open_log({driver_, path_, options, {}, ""}).value();
    }
    void write(LogDriver& log, int from, int to) {
        for (int i = from; i < to; ++i)
            ASSERT_TRUE(log.write(Stream::kStdout, at(i), std::to_string(i), false));
        ASSERT_TRUE(log.flush());
    }
    static Timestamp at(int second) { return Timestamp(std::chrono::seconds(1'000'000 + second)); }

    std::unique_ptr<LogReader> reader(ReadOptions options = {}) {
        return open_log_reader(driver_, path_, std::move(options)).value();
    }
    // What is there now, joined; `last` is how it ended.
    static std::string all(LogReader& reader, Progress last) {
        Progress progress = Progress::kMore;
        std::string out;
        while (progress == Progress::kMore)
            progress = reader.read([&](const Record& record) { out += record.text; }).value();
        EXPECT_EQ(last, progress);
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
    std::string driver_ = "json-file";
};

class LocalLogTest : public LogTest {
 protected:
    LocalLogTest() { driver_ = "local"; }
};

}  // namespace berth::logs
