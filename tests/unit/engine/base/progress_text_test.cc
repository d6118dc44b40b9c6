#include "engine/base/progress_text.h"

#include <gtest/gtest.h>

namespace berth {
namespace {

// As jsonmessage of Docker 28 prints them.
TEST(ProgressText, IsDockers) {
    const auto bar = [](int filled) {
        return "[" + std::string(static_cast<std::size_t>(filled), '=') + ">" +
               std::string(static_cast<std::size_t>(50 - filled), ' ') + "] ";
    };
    EXPECT_EQ(progress_text(0, 0), "");
    EXPECT_EQ(progress_text(1, 0), "      1B");
    EXPECT_EQ(progress_text(3, 0, "s"), "3 s");
    EXPECT_EQ(progress_text(0, 100), bar(0) + "      0B/100B");
    EXPECT_EQ(progress_text(50, 100), bar(25) + "     50B/100B");
    EXPECT_EQ(progress_text(1'234'567, 30'000'000), bar(2) + " 1.235MB/30MB");
    EXPECT_EQ(progress_text(100, 100), bar(50) + "    100B/100B");
    EXPECT_EQ(progress_text(200, 100), bar(50) + "    200B");
}

}  // namespace
}  // namespace berth
