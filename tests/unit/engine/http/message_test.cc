#include "engine/http/message.h"

#include <gtest/gtest.h>

#include "engine/http/url.h"

namespace berth::http {
namespace {

TEST(Headers, NamesCompareWithoutCase) {
    Headers headers;
    headers.add("Content-Type", "a");
    headers.add("content-type", "b");
    EXPECT_EQ(headers.get("CONTENT-TYPE"), "a");
    EXPECT_EQ(headers.all("content-TYPE").size(), 2u);
    headers.set("CONTENT-type", "c");
    EXPECT_EQ(headers.fields().size(), 1u);
    EXPECT_EQ(headers.get("x"), "");
}

TEST(Query, DecodesAsClientsEncode) {
    auto query = Query::parse("filters=%7B%22a%22%3A+true%7D&x=1&x=2&empty=&bare&=y&bad=%zz");
    EXPECT_EQ(query.get("filters"), "{\"a\": true}");
    EXPECT_EQ(query.all("x"), (std::vector<std::string>{"1", "2"}));
    EXPECT_TRUE(query.has("empty"));
    EXPECT_TRUE(query.has("bare"));
    EXPECT_EQ(query.get("none", "d"), "d");
    EXPECT_EQ(query.get("bad"), "%zz");
}

TEST(Query, FlagsFollowDocker) {
    auto query = Query::parse("a=1&b=True&c=0&d=FALSE&e=&f=no&g=None&h=yes&i=%200%20");
    for (const char* yes : {"a", "b", "h"}) EXPECT_TRUE(query.flag(yes)) << yes;
    for (const char* no : {"c", "d", "e", "f", "g", "i", "absent"}) EXPECT_FALSE(query.flag(no, false)) << no;
    EXPECT_TRUE(query.flag("absent", true));
    EXPECT_FALSE(query.flag("c", true));
}

TEST(Url, DecodesPathsStrictly) {
    EXPECT_EQ(*decode_path("/a%20b+c%2Fd"), "/a b+c/d");
    for (const char* wrong : {"%", "%1", "/a%zz", "%g0"}) EXPECT_FALSE(decode_path(wrong)) << wrong;
    EXPECT_EQ(encode_form("a/b c:1"), "a%2Fb%20c%3A1");
}

}  // namespace
}  // namespace berth::http
