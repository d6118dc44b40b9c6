#include "engine/oci/platform.h"

#include <gtest/gtest.h>

namespace berth::oci {
namespace {

Platform platform(std::string_view text) {
    return *Platform::parse(text);
}

TEST(Platform, Normalises) {
    EXPECT_EQ(platform("linux/x86_64").text(), "linux/amd64");
    EXPECT_EQ(platform("Linux/AMD64").text(), "linux/amd64");
    EXPECT_EQ(platform("arm64").text(), "linux/arm64");
    EXPECT_EQ(platform("linux/aarch64/v8").text(), "linux/arm64");
    EXPECT_EQ(platform("linux/arm").text(), "linux/arm/v7");
    EXPECT_EQ(platform("linux/armel").text(), "linux/arm/v6");
    EXPECT_EQ(platform("linux").architecture, Platform::host().architecture);
    EXPECT_EQ(platform("windows/amd64").os, "windows");
}

TEST(Platform, RefusesWhatIsNone) {
    for (auto text : {"", "/", "linux/", "linux/amd64/v1/x", "nonsense", "linux/a b", "li*ux"}) {
        EXPECT_FALSE(Platform::parse(text)) << text;
    }
    EXPECT_EQ(Platform::parse("nonsense").error().message,
              "\"nonsense\": unknown operating system or architecture: invalid argument");
}

TEST(Platform, PrefersItsOwnKind) {
    auto amd64 = platform("linux/amd64");
    EXPECT_EQ(amd64.preference(platform("linux/amd64")), 0);
    EXPECT_TRUE(amd64.runs(platform("linux/386")));
    EXPECT_FALSE(amd64.runs(platform("linux/amd64/v3")));
    EXPECT_FALSE(amd64.runs(platform("linux/arm64")));
    EXPECT_FALSE(amd64.runs(platform("windows/amd64")));
    EXPECT_FALSE(platform("linux/386").runs(amd64));
    auto arm64 = platform("linux/arm64");
    EXPECT_LT(*arm64.preference(platform("linux/arm/v7")), *arm64.preference(platform("linux/arm/v6")));
    EXPECT_LT(*arm64.preference(arm64), *arm64.preference(platform("linux/arm/v8")));
    EXPECT_FALSE(platform("linux/arm/v6").runs(platform("linux/arm/v7")));
    EXPECT_TRUE(platform("linux/arm/v7").runs(platform("linux/arm/v5")));
    EXPECT_FALSE(amd64.runs(Platform{.os = "unknown", .architecture = "unknown"}));
}

}  // namespace
}  // namespace berth::oci
