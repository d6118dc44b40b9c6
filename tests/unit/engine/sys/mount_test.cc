#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "engine/base/files.h"
#include "engine/sys/detached_mount.h"
#include "engine/sys/safe_path.h"

namespace berth::sys {
namespace {

class DetachedMountTest : public testing::Test {
 protected:
    void SetUp() override {
        if (::geteuid() != 0) GTEST_SKIP() << "mounting needs root";
    }
    std::string folder(const std::string& name) {
        std::string path = dir_.path() + "/" + name;
        EXPECT_TRUE(make_folders(path, 0755));
        return path;
    }
    // An overlay of `layers` lower folders, each with a file of its own name.
    Mount overlay(int layers) {
        std::string lower;
        for (int i = 0; i < layers; ++i) {
            std::string path = folder("layer-with-a-longish-name-" + std::to_string(i));
            EXPECT_TRUE(write_file(path + "/file" + std::to_string(i), "x"));
            lower += (lower.empty() ? "" : ":") + path;
        }
        return {"overlay",
                "overlay",
                "",
                {"lowerdir=" + lower, "upperdir=" + folder("upper"), "workdir=" + folder("work")}};
    }
    void expect_files(const Result<UniqueFd>& root, int layers) {
        ASSERT_TRUE(root) << root.error().message;
        for (int i : {0, layers / 2, layers - 1}) {
            EXPECT_TRUE(open_in_root(root->get(), "/file" + std::to_string(i), O_RDONLY)) << i;
        }
        auto made = open_in_root(root->get(), "/new", O_WRONLY | O_CREAT, 0600);
        EXPECT_TRUE(made);
        EXPECT_TRUE(exists(dir_.path() + "/upper/new"));
    }
    TempDir dir_ = std::move(*TempDir::make());
};

TEST_F(DetachedMountTest, OverlayByContext) {
    Mount mount = overlay(3);
    auto root = mount_by_context(mount, *parse_mount_options(mount.options));
    if (!root && root.error().sys_errno == EINVAL) GTEST_SKIP() << "kernel before 6.7";
    expect_files(root, 3);
}

TEST_F(DetachedMountTest, OverlayOfManyLayersInChild) {
    Mount mount = overlay(300);
    expect_files(mount_in_child(mount, *parse_mount_options(mount.options)), 300);
}

TEST_F(DetachedMountTest, OverlayOfManyLayersEitherWay) {
    expect_files(mount_detached(overlay(300)), 300);
}

TEST_F(DetachedMountTest, LongPathsFallBack) {
    std::string deep = dir_.path();
    for (int i = 0; i < 3; ++i) deep += "/" + std::string(120, 'd');
    ASSERT_TRUE(make_folders(deep, 0755));
    ASSERT_TRUE(write_file(deep + "/file0", "x"));
    expect_files(
        mount_detached({"overlay",
                        "overlay",
                        "",
                        {"lowerdir=" + deep, "upperdir=" + folder("upper"), "workdir=" + folder("work")}}),
        1);
}

TEST_F(DetachedMountTest, BindEitherWayIsReadOnly) {
    Mount mount{"bind", folder("source"), "", {"rbind", "ro", "nosuid"}};
    MountOptions options = *parse_mount_options(mount.options);
    for (auto* way : {&mount_by_context, &mount_in_child}) {
        auto root = way(mount, options);
        ASSERT_TRUE(root) << root.error().message;
        auto made = open_in_root(root->get(), "/new", O_WRONLY | O_CREAT, 0600);
        ASSERT_FALSE(made);
        EXPECT_EQ(made.error().sys_errno, EROFS);
        struct statfs status{};
        ASSERT_EQ(::fstatfs(root->get(), &status), 0);
        EXPECT_NE(status.f_flags & ST_NOSUID, 0);
    }
}

TEST_F(DetachedMountTest, MoveMountAttaches) {
    ASSERT_EQ(::unshare(CLONE_NEWNS), 0);
    ASSERT_EQ(::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0);
    auto root = mount_detached(overlay(2));
    ASSERT_TRUE(root);
    std::string target = folder("target");
    auto moved = move_mount(root->get(), target);
    ASSERT_TRUE(moved) << moved.error().message;
    EXPECT_TRUE(exists(target + "/file1"));
    EXPECT_EQ(::umount2(target.c_str(), MNT_DETACH), 0);
}

TEST_F(DetachedMountTest, WrongOptionsSayWhich) {
    Mount mount = overlay(1);
    mount.options.push_back("nonsense=1");
    auto root = mount_detached(mount);
    ASSERT_FALSE(root);
    EXPECT_NE(root.error().message.find("nonsense"), std::string::npos) << root.error().message;
    auto missing = mount_detached({"overlay", "overlay", "", {"lowerdir=/nowhere/at/all"}});
    ASSERT_FALSE(missing);
}

TEST(MountOptionsTest, Words) {
    auto parsed =
        parse_mount_options({"rbind", "ro", "rprivate", "rnosuid", "noatime", "exec", "size=64k", "sync"});
    ASSERT_TRUE(parsed);
    EXPECT_TRUE(parsed->bind && parsed->recursive_bind);
    EXPECT_EQ(parsed->set, std::uint64_t{MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOATIME});
    EXPECT_EQ(parsed->clear, std::uint64_t{MOUNT_ATTR__ATIME | MOUNT_ATTR_NOEXEC});
    EXPECT_EQ(parsed->set_all, std::uint64_t{MOUNT_ATTR_NOSUID});
    EXPECT_EQ(parsed->propagation, std::vector<unsigned long>{MS_PRIVATE | MS_REC});
    EXPECT_EQ(parsed->data, std::vector<std::string>{"size=64k"});
    EXPECT_EQ(parsed->super_flags, std::vector<std::string>{"sync"});
    EXPECT_FALSE(parse_mount_options({"remount"}));
}

TEST(MountOptionsTest, LaterWordsWin) {
    auto parsed = parse_mount_options({"ro", "rw", "suid", "nosuid", "strictatime", "relatime"});
    ASSERT_TRUE(parsed);
    EXPECT_EQ(parsed->set, std::uint64_t{MOUNT_ATTR_NOSUID});
    EXPECT_EQ(parsed->clear, std::uint64_t{MOUNT_ATTR_RDONLY | MOUNT_ATTR__ATIME});
}

TEST(LowerFoldersTest, Escapes) {
    EXPECT_EQ(split_lower_folders("/a:/b\\:c:/d\\\\e"), (std::vector<std::string>{"/a", "/b:c", "/d\\e"}));
}

}  // namespace
}  // namespace berth::sys
