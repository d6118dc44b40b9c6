#include "engine/daemon/sub_ids.h"

#include <gtest/gtest.h>

namespace berth::daemon {
namespace {

TEST(SubIds, LinesOfTheFile) {
    auto parsed = parse_sub_ids("# who\n\nada:100000:65536\n 1000:165536:10 \nada:300000:1");
    ASSERT_TRUE(parsed);
    EXPECT_EQ(*parsed,
              (std::vector<SubIds>{{"ada", 100000, 65536}, {"1000", 165536, 10}, {"ada", 300000, 1}}));
    EXPECT_TRUE(parse_sub_ids("")->empty());
    for (const char* wrong :
         {"ada", "ada:1", "ada:1:", "ada::1", "ada:x:1", "ada:1:x", "ada:1:2:3", "ada:-1:5", "ada:1:0",
          "ada:4294967295:1", "ada:4294967290:65536", "ada:5:4294967295", "ada:99999999999:1"}) {
        auto refused = parse_sub_ids(wrong);
        ASSERT_FALSE(refused) << wrong;
        EXPECT_NE(refused.error().message.find(wrong), std::string::npos);
    }
}

TEST(SubIds, TheNextRangeOverlapsNone) {
    EXPECT_EQ(next_sub_ids({}, 65536), 100000U);
    EXPECT_EQ(next_sub_ids({{"a", 200000, 65536}, {"b", 100000, 65536}}, 65536), 265536U);
    EXPECT_EQ(next_sub_ids({{"a", 165537, 10}, {"b", 100000, 65536}}, 65536), 165547U);
    EXPECT_EQ(next_sub_ids({{"a", 1000, 10}}, 65536), 100000U);
}

}  // namespace
}  // namespace berth::daemon
