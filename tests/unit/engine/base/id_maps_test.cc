#include "engine/base/id_maps.h"

#include <gtest/gtest.h>

namespace berth {
namespace {

const IdMaps kMaps{{{0, 100000, 10}, {10, 300000, 5}}, {{0, 200000, 65536}}};

TEST(IdMaps, MapBothWays) {
    EXPECT_EQ(kMaps.root(), (Owner{100000, 200000}));
    EXPECT_EQ(kMaps.outside({9, 65535}).value(), (Owner{100009, 265535}));
    EXPECT_EQ(kMaps.outside({10, 0}).value(), (Owner{300000, 200000}));
    EXPECT_EQ(kMaps.inside({300004, 200001}), (Owner{14, 1}));
}

TEST(IdMaps, WhatIsNotMappedIsRefusedOrOverflows) {
    auto refused = kMaps.outside({15, 0});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().message, "container ID 15 cannot be mapped to a host ID");
    EXPECT_FALSE(kMaps.outside({0, 65536}));
    EXPECT_FALSE(kMaps.outside({4294967295U, 0}));
    EXPECT_EQ(kMaps.inside({0, 0}), (Owner{65534, 65534}));
    EXPECT_EQ(kMaps.inside({100010, 200000}), (Owner{65534, 0}));
}

TEST(IdMaps, NoMapsChangeNothing) {
    const IdMaps none;
    EXPECT_TRUE(none.empty());
    EXPECT_EQ(none.root(), Owner());
    EXPECT_EQ(none.outside({70000, 4294967294U}).value(), (Owner{70000, 4294967294U}));
    EXPECT_EQ(none.inside({7, 8}), (Owner{7, 8}));
    EXPECT_EQ(none.text(), "");
    EXPECT_EQ(IdMaps::parse("").value(), none);
}

TEST(IdMaps, TextAndBack) {
    EXPECT_EQ(kMaps.text(), "0:100000:10,10:300000:5;0:200000:65536");
    EXPECT_EQ(IdMaps::parse(kMaps.text()).value(), kMaps);
    for (const char* wrong :
         {"0:1:2", "0:1;0:1:2", "x:1:2;", "0:1:2,;x", "0:1:99999999999;0:0:1", "0:1:2:3;"})
        EXPECT_FALSE(IdMaps::parse(wrong)) << wrong;
}

}  // namespace
}  // namespace berth
