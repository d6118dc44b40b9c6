#include "engine/archive/tree_copier.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "engine/archive/remove_entry.h"
#include "engine/base/files.h"

namespace berth::archive {
namespace {

class TreeCopierTest : public testing::Test {
 protected:
    void SetUp() override {
        if (::geteuid() != 0) GTEST_SKIP() << "needs root";
        directory_.emplace(std::move(*TempDir::make("/var/tmp")));
        ASSERT_EQ(::mkdir(from("").c_str(), 0755), 0);
        ASSERT_EQ(::mkdir(to("").c_str(), 0755), 0);
    }
    std::string from(const std::string& name) const { return directory_->path() + "/from/" + name; }
    std::string to(const std::string& name) const { return directory_->path() + "/to/" + name; }
    Result<> copy() {
        auto source = open_file(from(""), O_RDONLY | O_DIRECTORY);
        auto target = open_file(to(""), O_RDONLY | O_DIRECTORY);
        TreeCopier copier(target->get());
        copier.on_progress([this](std::uint64_t, std::uint64_t) -> Result<> {
            ++reports_;
            return {};
        });
        auto copied = copier.copy(source->get());
        bytes_ = copier.bytes();
        return copied;
    }
    static struct stat status(const std::string& path) {
        struct stat out{};
        EXPECT_EQ(::lstat(path.c_str(), &out), 0) << path;
        return out;
    }

    std::optional<TempDir> directory_;
    std::uint64_t bytes_ = 0;
    int reports_ = 0;
};

TEST_F(TreeCopierTest, EveryKindOfFileWithItsTime) {
    const timespec times[2] = {{1000000000, 5}, {1000000001, 123456789}};
    ASSERT_TRUE(write_file(from("file"), "text"));
    ASSERT_EQ(::symlink("/nowhere", from("link").c_str()), 0);
    ASSERT_EQ(::mkfifo(from("fifo").c_str(), 0640), 0);
    ASSERT_EQ(::mknod(from("socket").c_str(), S_IFSOCK | 0600, 0), 0);
    ASSERT_EQ(::mknod(from("device").c_str(), S_IFCHR | 0666, makedev(1, 3)), 0);
    ASSERT_EQ(::mkdir(from("folder").c_str(), 02751), 0);
    const char* kNames[] = {"file", "link", "fifo", "socket", "device", "folder"};
    for (const char* name : kNames) {
        ASSERT_EQ(::lchown(from(name).c_str(), 7, 8), 0);
        ASSERT_EQ(::utimensat(AT_FDCWD, from(name).c_str(), times, AT_SYMLINK_NOFOLLOW), 0);
    }
    ASSERT_EQ(::chmod(from("file").c_str(), 04755), 0);
    auto copied = copy();
    ASSERT_TRUE(copied) << copied.error().message;
    for (const char* name : kNames) {
        const auto before = status(from(name)), after = status(to(name));
        EXPECT_EQ(after.st_mode, before.st_mode) << name;
        EXPECT_EQ(after.st_uid, 7u) << name;
        EXPECT_EQ(after.st_gid, 8u) << name;
        EXPECT_EQ(after.st_rdev, before.st_rdev) << name;
        EXPECT_EQ(after.st_mtim.tv_sec, 1000000001) << name;
        EXPECT_EQ(after.st_mtim.tv_nsec, 123456789) << name;
    }
}

TEST_F(TreeCopierTest, HardLinksHolesAndAttributes) {
    ASSERT_EQ(::mkdir(from("sub").c_str(), 0755), 0);
    ASSERT_TRUE(write_file(from("sub/first"), "text"));
    ASSERT_EQ(::link(from("sub/first").c_str(), from("second").c_str()), 0);
    ASSERT_EQ(::symlink("x", from("link").c_str()), 0);
    ASSERT_EQ(::linkat(AT_FDCWD, from("link").c_str(), AT_FDCWD, from("sub/same-link").c_str(), 0), 0);
    ASSERT_EQ(::setxattr(from("second").c_str(), "user.colour", "blue", 4, 0), 0);
    ASSERT_EQ(::lsetxattr(from("link").c_str(), "security.test", "1", 1, 0), 0);
    {
        auto file = open_file(from("sparse"), O_WRONLY | O_CREAT, 0600);
        ASSERT_EQ(::pwrite(file->get(), "end", 3, 64 << 20), 3);
        ASSERT_EQ(::ftruncate(file->get(), 128 << 20), 0);
    }
    ASSERT_TRUE(write_file(from("big"), std::string(3 << 20, 'x')));
    auto copied = copy();
    ASSERT_TRUE(copied) << copied.error().message;
    EXPECT_EQ(status(to("second")).st_ino, status(to("sub/first")).st_ino);
    EXPECT_EQ(status(to("link")).st_ino, status(to("sub/same-link")).st_ino);
    char value[8];
    EXPECT_EQ(::getxattr(to("sub/first").c_str(), "user.colour", value, sizeof value), 4);
    EXPECT_EQ(::lgetxattr(to("link").c_str(), "security.test", value, sizeof value), 1);
    EXPECT_EQ(status(to("sparse")).st_size, 128 << 20);
    EXPECT_LT(status(to("sparse")).st_blocks, 64);
    EXPECT_EQ(*read_file(to("big")), *read_file(from("big")));
    EXPECT_LT(bytes_, 4u << 20);
}

// Deeper than descriptors go, and a path longer than the kernel takes.
TEST_F(TreeCopierTest, DeepTreesTakeFewDescriptors) {
    constexpr int kDepth = 200;
    const std::string name(60, 'd');
    auto folder = open_file(from(""), O_RDONLY | O_DIRECTORY);
    for (int i = 0; i < kDepth; ++i) {
        ASSERT_EQ(::mkdirat(folder->get(), name.c_str(), 0755), 0);
        folder = UniqueFd(::openat(folder->get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        ASSERT_TRUE(*folder);
    }
    const int bottom = ::openat(folder->get(), "one", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    ASSERT_GE(bottom, 0);
    ::close(bottom);
    ASSERT_EQ(::linkat(folder->get(), "one", folder->get(), "two", 0), 0);
    rlimit before{}, few{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
    few = {64, before.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &few), 0);
    auto copied = copy();
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
    ASSERT_TRUE(copied) << copied.error().message;
    auto deepest = open_file(to(""), O_RDONLY | O_DIRECTORY);
    for (int i = 0; i < kDepth; ++i) {
        deepest = UniqueFd(::openat(deepest->get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        ASSERT_TRUE(*deepest) << i;
    }
    struct stat one{}, two{};
    ASSERT_EQ(::fstatat(deepest->get(), "one", &one, 0), 0);
    ASSERT_EQ(::fstatat(deepest->get(), "two", &two, 0), 0);
    EXPECT_EQ(one.st_ino, two.st_ino);
}

TEST_F(TreeCopierTest, ProgressIsTold) {
    for (int i = 0; i < 3000; ++i) ASSERT_TRUE(write_file(from(std::to_string(i)), "x"));
    ASSERT_TRUE(copy());
    EXPECT_GE(reports_, 2);
}

TEST_F(TreeCopierTest, WhatIsThereIsNotOverwritten) {
    ASSERT_TRUE(write_file(from("file"), "theirs"));
    ASSERT_TRUE(write_file(to("file"), "ours"));
    auto copied = copy();
    ASSERT_FALSE(copied);
    EXPECT_EQ(copied.error().kind, ErrorKind::kConflict);
    EXPECT_EQ(copied.error().message.substr(0, 6), "file: ");
    EXPECT_EQ(*read_file(to("file")), "ours");
}

}  // namespace
}  // namespace berth::archive
