#include "engine/sys/safe_path.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/files.h"

namespace berth::sys {
namespace {

class SafePathTest : public testing::Test {
 protected:
    void SetUp() override {
        ASSERT_TRUE(make_folders(dir_.path() + "/root/etc", 0755));
        ASSERT_TRUE(make_folders(dir_.path() + "/outside", 0755));
        ASSERT_TRUE(write_file(dir_.path() + "/outside/canary", "host"));
        ASSERT_TRUE(write_file(dir_.path() + "/root/etc/passwd", "container"));
        auto opened = open_file(dir_.path() + "/root", O_PATH | O_DIRECTORY);
        ASSERT_TRUE(opened);
        root_ = std::move(*opened);
    }
    void link(const std::string& to, const std::string& at) {
        ASSERT_EQ(::symlinkat(to.c_str(), root_.get(), at.c_str()), 0);
    }
    TempDir dir_ = std::move(*TempDir::make());
    UniqueFd root_;
};

TEST_F(SafePathTest, LinksStayInside) {
    link("/etc/passwd", "absolute");
    link("../../../../../../etc/passwd", "dots");
    link(dir_.path() + "/outside/canary", "host");
    for (const char* name : {"absolute", "/dots", "/etc/../../../etc/passwd"}) {
        auto opened = open_in_root(root_.get(), name, O_RDONLY);
        ASSERT_TRUE(opened) << name;
        EXPECT_EQ(*read_all(opened->get()), "container");
    }
    EXPECT_FALSE(open_in_root(root_.get(), "host", O_RDONLY));
}

TEST_F(SafePathTest, NoMagicLinks) {
    link("/proc/self/root", "magic");
    EXPECT_FALSE(open_in_root(root_.get(), "magic", O_RDONLY));
    auto proc = open_file("/proc/self", O_PATH);
    ASSERT_TRUE(proc);
    auto exe = open_in_root(proc->get(), "exe", O_RDONLY);
    ASSERT_FALSE(exe);
    EXPECT_EQ(exe.error().sys_errno, ELOOP);
}

TEST_F(SafePathTest, BeneathRefusesWayOut) {
    link("/etc/passwd", "absolute");
    EXPECT_TRUE(open_beneath(root_.get(), "etc/passwd", O_RDONLY));
    for (const char* name : {"absolute", "../outside/canary", "/etc/passwd"}) {
        auto opened = open_beneath(root_.get(), name, O_RDONLY);
        ASSERT_FALSE(opened) << name;
        EXPECT_EQ(opened.error().sys_errno, EXDEV);
    }
}

TEST_F(SafePathTest, NulByteIsRefused) {
    auto opened = open_in_root(root_.get(), std::string_view("etc\0x", 5), O_RDONLY);
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().kind, ErrorKind::kInvalidArgument);
}

TEST_F(SafePathTest, MakesFoldersThroughLinksInside) {
    link("/etc", "conf");
    mode_t before = ::umask(077);
    auto made = make_folders_in_root(root_.get(), "/conf/a/./b//c/", 0751, ::getuid(), ::getgid());
    ::umask(before);
    ASSERT_TRUE(made) << made.error().message;
    struct stat status{};
    ASSERT_EQ(::stat((dir_.path() + "/root/etc/a/b/c").c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777, 0751u);
    EXPECT_EQ(*resolve_in_root(root_.get(), "/conf/a"), "/etc/a");
    EXPECT_EQ(*resolve_in_root(root_.get(), ".."), "/");
}

TEST_F(SafePathTest, MakesNothingOutside) {
    link(dir_.path() + "/outside/new", "dangling");
    link("../outside", "up");
    EXPECT_FALSE(make_folders_in_root(root_.get(), "dangling/x", 0755, 0, 0));
    EXPECT_FALSE(make_folders_in_root(root_.get(), "missing/../../outside/y", 0755, 0, 0));
    EXPECT_FALSE(make_folders_in_root(root_.get(), "etc/passwd/z", 0755, 0, 0));
    EXPECT_EQ(list_folder(dir_.path() + "/outside")->size(), 1u);
}

}  // namespace
}  // namespace berth::sys
