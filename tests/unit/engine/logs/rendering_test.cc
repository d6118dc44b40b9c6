#include "engine/logs/rendering.h"

#include <gtest/gtest.h>

namespace berth::logs {

namespace {

std::string rendered(const Record& record, const Rendering& how) {
    std::string out = "before";
    append_rendered(out, record, how);
    return out.substr(6);
}

}  // namespace

TEST(Rendering, IsWhatTheClientAsksFor) {
    Record record{Stream::kStderr, parse_rfc3339("2026-11-21T01:20:00.5Z").value(), "a line\n", {}};
    EXPECT_EQ("a line\n", rendered(record, {.framed = false}));
    EXPECT_EQ(std::string("\2\0\0\0\0\0\0\7a line\n", 15), rendered(record, {}));
    EXPECT_EQ("2026-11-21T01:20:00.500000000Z a line\n",
              rendered(record, {.framed = false, .timestamps = true}));
    EXPECT_EQ(" a line\n", rendered(record, {.framed = false, .details = true}));
    record.attributes = {{"tag", "x y"}, {"a=b", "<\xC3\xA9>"}};
    EXPECT_EQ("a%3Db=%3C%C3%A9%3E,tag=x+y a line\n", rendered(record, {.framed = false, .details = true}));
    record.text.assign(0x12345, 'x');
    EXPECT_EQ(std::string("\2\0\0\0\0\1\x23\x45x", 9), rendered(record, {}).substr(0, 9));
}

}  // namespace berth::logs
