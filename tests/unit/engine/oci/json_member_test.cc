#include "engine/oci/json_member.h"

#include <gtest/gtest.h>

#include <string>

namespace berth::oci {
namespace {

std::string member(std::string_view json, std::string_view name = "a") {
    auto part = find_json_member(json, name);
    return part ? std::string(json.substr(part->begin, part->end - part->begin)) : "-";
}

TEST(JsonMember, Values) {
    EXPECT_EQ(member(R"({"a":1})"), "1");
    EXPECT_EQ(member(R"( { "b" : [ {"a":2} ] , "a" : {"x":["}",{}],"y":"\"]"} , "c":null } )"),
              R"({"x":["}",{}],"y":"\"]"})");
    EXPECT_EQ(member(R"({"a":"text\\"})"), R"("text\\")");
    EXPECT_EQ(member(R"({"a":-1.5e3 })"), "-1.5e3");
    EXPECT_EQ(member(R"({"a":[]})"), "[]");
}

TEST(JsonMember, WhatIsNotPlain) {
    for (const char* json : {"",
                             "{",
                             "{}",
                             "[]",
                             "1",
                             R"({"b":1})",
                             R"({"A":1})",
                             R"({"a":1,"a":2})",
                             R"({"\u0061":1,"a":2})",
                             R"({"a":1)",
                             R"({"a":1,)",
                             R"({"a":1,})",
                             R"({"a")",
                             R"({"a":})",
                             R"({"a":[1)",
                             R"({"a":"x)",
                             R"({"a":"x\)",
                             R"({"a":]})",
                             R"({"a" 1})",
                             R"({a:1})",
                             R"({"a":,"b":1})"})
        EXPECT_EQ(member(json), "-") << json;
}

}  // namespace
}  // namespace berth::oci
