#include "engine/api/filters.h"

#include <gtest/gtest.h>

#include "engine/api/framing.h"

namespace berth::api {
namespace {

constexpr std::string_view kKnown[] = {"label", "dangling"};

Result<Filters> parse(const std::string& text) {
    return parse_filters(http::Query::parse("filters=" + text), kKnown);
}

TEST(Filters, ComeInTwoShapes) {
    auto go = parse("{\"label\":{\"a=b\":true,\"c\":true}}");
    auto python = parse("{\"label\": [\"a=b\",+\"c\"]}");
    ASSERT_TRUE(go);
    ASSERT_TRUE(python);
    EXPECT_EQ(*go, *python);
    EXPECT_EQ(go->at("label").count("a=b"), 1u);
    EXPECT_TRUE(parse("")->empty());
}

TEST(Filters, WrongOnesAreNamed) {
    EXPECT_EQ(parse("nope").error().message, "invalid filter");
    EXPECT_EQ(parse("[]").error().message, "invalid filter");
    EXPECT_EQ(parse("{\"label\":5}").error().message, "invalid filter");
    EXPECT_EQ(parse("{\"other\":[\"x\"]}").error().message, "invalid filter 'other'");
}

TEST(Filters, FlagsAreStrict) {
    EXPECT_TRUE(*filter_flag(*parse("{\"dangling\":[\"1\"]}"), "dangling", false));
    EXPECT_FALSE(*filter_flag(*parse("{\"dangling\":[\"false\"]}"), "dangling", true));
    EXPECT_TRUE(*filter_flag(*parse(""), "dangling", true));
    EXPECT_EQ(filter_flag(*parse("{\"dangling\":[\"maybe\"]}"), "dangling", false).error().message,
              "invalid filter 'dangling=[maybe]'");
}

TEST(Framing, IsEightBytesAndThePayload) {
    EXPECT_EQ(frame(OutputStream::kStderr, std::string(258, 'x')).substr(0, 9),
              std::string("\2\0\0\0\0\0\1\2x", 9));
}

}  // namespace
}  // namespace berth::api
