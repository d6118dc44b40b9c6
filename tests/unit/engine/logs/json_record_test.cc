#include "engine/logs/json_record.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

namespace berth::logs {

namespace {

const Timestamp kTime = parse_rfc3339("2026-11-21T01:20:00.5Z").value();

std::string record(std::string_view line, bool partial = false) {
    std::string out;
    append_json_record(out, Stream::kStdout, kTime, line, partial, "");
    return out;
}

std::string tail() {
    return "\",\"stream\":\"stdout\",\"time\":\"2026-11-21T01:20:00.5Z\"}\n";
}

}  // namespace

TEST(JsonRecord, IsWhatDockerWrites) {
    EXPECT_EQ("{\"log\":\"plain\\n" + tail(), record("plain"));
    EXPECT_EQ("{\"log\":\"\\n" + tail(), record(""));
    EXPECT_EQ("{\"log\":\"piece" + tail(), record("piece", true));
    EXPECT_EQ("{\"log\":\"\\\"\\\\\\u003ca\\u0026b\\u003e\\u0009\\r\\u001b\x7f\\n" + tail(),
              record("\"\\<a&b>\t\r\x1b\x7f"));
    EXPECT_EQ("{\"log\":\"\xC3\xA9\\ufffd\\u2028\xF0\x9F\x98\x80\\n" + tail(),
              record("\xC3\xA9\xFF\xE2\x80\xA8\xF0\x9F\x98\x80"));
    // Overlong, surrogate and truncated: each byte by itself.
    EXPECT_EQ("{\"log\":\"\\ufffd\\ufffd\\ufffd\\ufffd\\ufffd\\ufffd\\n" + tail(),
              record("\xC0\x80\xED\xA0\x80\xC3"));
}

TEST(JsonRecord, ReadsBackWhatItWrote) {
    for (std::string line : {"", "a", "\"\\<>&\t\r\x01", "\xC3\xA9 \xE2\x80\xA9 \xF0\x9F\x98\x80"}) {
        std::string text = record(line);
        Record parsed;
        const Taken taken = take_json_record(text, parsed);
        ASSERT_TRUE(taken.good) << text;
        EXPECT_EQ(text.size(), taken.size);
        EXPECT_EQ(line + "\n", parsed.text);
        EXPECT_EQ(kTime, parsed.time);
        EXPECT_EQ(Stream::kStdout, parsed.stream);
    }
}

TEST(JsonRecord, ReadsForeignRecords) {
    Record parsed;
    const Taken taken = take_json_record(
        R"({"attrs":{"a":"}","b":[1,"]"]},"time":"2026-11-21T01:20:00.5Z","stream":"stderr","log":"\ud83d\ude00\u00e9\ud83d"})"
        "\n",
        parsed);
    ASSERT_TRUE(taken.good);
    EXPECT_EQ("\xF0\x9F\x98\x80\xC3\xA9\xEF\xBF\xBD", parsed.text);
    EXPECT_EQ(Stream::kStderr, parsed.stream);
}

TEST(JsonRecord, RefusesDamage) {
    for (const char* line : {"", "{", "{}", "null", R"({"log":"x)", R"({"log":"x","time":"yesterday"})",
                             R"({"log":"\u12","time":"2026-11-21T01:20:00Z"})", "\0\0\0"}) {
        Record parsed;
        const Taken taken = take_json_record(std::string(line) + "\n", parsed);
        EXPECT_NE(0u, taken.size);
        EXPECT_FALSE(taken.good) << line;
    }
}

TEST(JsonRecord, FindsAField) {
    EXPECT_EQ("boom \"x\"", json_text_field(R"({"level":"error","msg":"boom \"x\"","time":"t"})", "msg"));
    EXPECT_FALSE(json_text_field(R"({"level":3})", "level"));
    EXPECT_FALSE(json_text_field("no json", "level"));
}

// Who goes on from the last time he has seen must neither miss a line nor see one again.
TEST(LineCutter, NoTwoLinesHaveOneTime) {
    struct Times final : LogDriver {
        std::vector<Timestamp> all;
        Result<> write(Stream, Timestamp time, std::string_view, bool) override {
            all.push_back(time);
            return {};
        }
        Result<> flush() override { return {}; }
    } times;
    LineCutter output(times, Stream::kStdout), error(times, Stream::kStderr);
    const auto begun = now();
    for (int round = 0; round < 3; ++round) {
        ASSERT_TRUE(output.add("a\nb\nc\n"));
        ASSERT_TRUE(error.add("d\n"));
    }
    ASSERT_TRUE(error.add("e"));
    ASSERT_TRUE(error.finish());
    ASSERT_EQ(times.all.size(), 13u);
    EXPECT_GE(times.all.front(), begun);
    EXPECT_TRUE(std::is_sorted(times.all.begin(), times.all.end(), std::less_equal<>()));
}

}  // namespace berth::logs
