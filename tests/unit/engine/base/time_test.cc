#include "engine/base/time.h"

#include <gtest/gtest.h>

namespace berth {
namespace {

using namespace std::chrono_literals;

TEST(Time, FormatsAsGoDoes) {
    Timestamp t{std::chrono::nanoseconds(1795218516'062000000)};
    EXPECT_EQ(format_rfc3339_nano(t), "2026-11-20T23:48:36.062Z");
    EXPECT_EQ(format_rfc3339_fixed(t), "2026-11-20T23:48:36.062000000Z");
    EXPECT_EQ(format_rfc3339_nano(Timestamp{}), "1970-01-01T00:00:00Z");
    EXPECT_EQ(format_rfc3339_nano(kNever), "0001-01-01T00:00:00Z");
}

TEST(Time, ParsesWhatItFormats) {
    for (const char* text : {"2026-11-20T23:48:36.062Z", "1970-01-01T00:00:00Z", "0001-01-01T00:00:00Z",
                             "2026-02-28T12:00:00.000000001Z"}) {
        EXPECT_EQ(format_rfc3339_nano(*parse_rfc3339(text)), text);
    }
    EXPECT_EQ(*parse_rfc3339("2026-01-01T01:30:00+01:30"), *parse_rfc3339("2026-01-01T00:00:00Z"));
    for (const char* text : {"", "2026-02-30T00:00:00Z", "2026-01-01", "2026-01-01T00:00:00",
                             "2026-01-01T00:00:00.Z", "2026-01-01T00:00:00Zx", "2026-01-01T25:00:00Z"}) {
        EXPECT_FALSE(parse_rfc3339(text)) << text;
    }
}

TEST(Time, ParsesUnixTimesWithAFraction) {
    EXPECT_EQ(*parse_unix_time("1795218516.062"), Timestamp(1795218516062ms));
    EXPECT_EQ(*parse_unix_time("0"), Timestamp{});
    EXPECT_FALSE(parse_unix_time("12x"));
    EXPECT_FALSE(parse_unix_time(""));
    EXPECT_FALSE(parse_unix_time("99999999999999999999"));
}

TEST(Time, ParsesGoDurations) {
    EXPECT_EQ(*parse_duration("1h30m"), 90min);
    EXPECT_EQ(*parse_duration("1.5s"), 1500ms);
    EXPECT_EQ(*parse_duration("250ms"), 250ms);
    EXPECT_EQ(*parse_duration("0"), 0s);
    EXPECT_EQ(*parse_duration("-2s"), -2s);
    for (const char* text : {"", "1", "s", "1x", "1s2", "--1s", "1e3s"})
        EXPECT_FALSE(parse_duration(text)) << text;
}

}  // namespace
}  // namespace berth
