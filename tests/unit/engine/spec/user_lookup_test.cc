#include "engine/spec/user_lookup.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/files.h"

namespace berth::spec {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class UserLookup : public testing::Test {
 protected:
    UserLookup() : dir_(std::move(*TempDir::make())) {
        EXPECT_TRUE(make_folders(dir_.path() + "/etc", 0755));
        put("passwd",
            "root:x:0:0:root:/root:/bin/sh\nredis:x:999:998:Redis:/data:/bin/sh\nbroken\n:x:7:7::/:\n"
            "1000:x:5:5::/evil:\nbob:x:1000:100::relative:\nroot2:x:99999999999999999999:0::/:\n");
        put("group", "root:x:0:\naudio:x:29:redis,bob\nredis:x:998:redis\nvideo:x:44:redis\n2000:x:6:\n");
        root_ = std::move(*open_file(dir_.path(), O_PATH | O_DIRECTORY));
    }
    void put(const std::string& name, std::string_view text) {
        ASSERT_TRUE(write_file(dir_.path() + "/etc/" + name, text, 0644));
    }
    ResolvedUser find(std::string_view text, const std::vector<std::string>& groups = {}) {
        auto user = look_up_user(root_.get(), text, groups);
        EXPECT_TRUE(user) << (user ? "" : user.error().message);
        return user ? *user : ResolvedUser();
    }
    std::string refused(std::string_view text, const std::vector<std::string>& groups = {}) {
        auto user = look_up_user(root_.get(), text, groups);
        return user ? "accepted" : user.error().message;
    }
    TempDir dir_;
    UniqueFd root_;
};

TEST_F(UserLookup, NamesBringTheirGroupsAndHome) {
    const auto redis = find("redis");
    EXPECT_EQ(redis.user.uid, 999U);
    EXPECT_EQ(redis.user.gid, 998U);
    EXPECT_THAT(redis.user.additional_gids, ElementsAre(998, 29, 44));
    EXPECT_EQ(redis.home, "/data");
    EXPECT_EQ(find("999").user, redis.user);
    EXPECT_EQ(find("").home, "/root");
}

TEST_F(UserLookup, AnExplicitGroupBringsNoOthers) {
    EXPECT_THAT(find("redis:audio").user.additional_gids, ElementsAre(29));
    EXPECT_THAT(find("redis:audio", {"video", "77", "video"}).user.additional_gids, ElementsAre(29, 44, 77));
    EXPECT_EQ(find("redis:").user.gid, 998U);
}

TEST_F(UserLookup, DigitsAreNeverNames) {
    EXPECT_EQ(find("1000").user.uid, 1000U);
    EXPECT_EQ(find("1000").user.gid, 100U);
    EXPECT_EQ(find("1000").home, "/");
    EXPECT_EQ(find("12345:2000").user.gid, 2000U);
    EXPECT_EQ(find("12345").user.gid, 0U);
    EXPECT_EQ(find("2147483647").user.uid, 2147483647U);
}

TEST_F(UserLookup, RefusesWhatIsNeither) {
    for (const char* text : {"2147483648", "4294967296", "4294967295", "-1", "18446744073709551616", "0:-1",
                             "redis:4294967296"}) {
        EXPECT_EQ(refused(text), "uids and gids must be in range 0-2147483647") << text;
    }
    EXPECT_EQ(refused("nobody"), "unable to find user nobody: no matching entries in passwd file");
    EXPECT_EQ(refused("root:nogroup"), "unable to find group nogroup: no matching entries in group file");
    EXPECT_EQ(refused("root", {"nogroup"}),
              "unable to find group nogroup: no matching entries in group file");
    EXPECT_THAT(refused("+1"), HasSubstr("no matching entries"));
    EXPECT_THAT(refused(" 1"), HasSubstr("no matching entries"));
    EXPECT_THAT(refused("0x0"), HasSubstr("no matching entries"));
    EXPECT_THAT(refused("root2"), HasSubstr("no matching entries"));
    EXPECT_THAT(refused("a:b:c"), HasSubstr("invalid user specification"));
    EXPECT_THAT(refused("0\nroot"), HasSubstr("invalid user specification"));
    EXPECT_THAT(refused(std::string_view("0\0", 2)), HasSubstr("invalid user specification"));
}

TEST_F(UserLookup, WithoutTables) {
    ASSERT_TRUE(remove_tree(dir_.path() + "/etc"));
    EXPECT_EQ(find("7:8").user.gid, 8U);
    EXPECT_EQ(find("").user.uid, 0U);
    EXPECT_THAT(refused("root"), HasSubstr("no matching entries in passwd file"));
}

TEST_F(UserLookup, HostileTables) {
    const std::string passwd = dir_.path() + "/etc/passwd";
    ASSERT_EQ(unlink(passwd.c_str()), 0);
    ASSERT_EQ(mkfifo(passwd.c_str(), 0644), 0);
    EXPECT_THAT(refused("root"), HasSubstr("not a regular file"));
    ASSERT_EQ(unlink(passwd.c_str()), 0);
    ASSERT_EQ(symlink("/proc/self/../../../../../../etc/passwd", passwd.c_str()), 0);
    EXPECT_NE(refused("root"), "accepted");
    ASSERT_EQ(unlink(passwd.c_str()), 0);
    put("passwd", "");
    ASSERT_EQ(truncate(passwd.c_str(), (4 << 20) + 1), 0);
    EXPECT_NE(refused("7"), "accepted");
}

}  // namespace
}  // namespace berth::spec
