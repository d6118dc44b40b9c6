#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/digest.h"
#include "engine/base/files.h"
#include "engine/base/ids.h"
#include "engine/base/undo.h"

namespace berth {
namespace {

Result<int> half(int n) {
    if (n % 2 != 0) return fail(ErrorKind::kInvalidArgument, "odd");
    return n / 2;
}

Result<int> quarter(int n) {
    BERTH_TRY(int h, in("first half", half(n)));
    BERTH_CHECK(in("second half", half(h)));
    return h / 2;
}

TEST(Result, CarriesErrorsUpWithAPhrase) {
    EXPECT_EQ(*quarter(8), 2);
    EXPECT_EQ(quarter(7).error().message, "first half: odd");
    EXPECT_EQ(quarter(6).error().message, "second half: odd");
    EXPECT_EQ(Failure(fail_errno("open x", ENOENT)).value().message, "open x: no such file or directory");
}

TEST(Digest, RefusesWhatIsNotOne) {
    std::string hex(64, 'a');
    EXPECT_EQ(Digest::parse("sha256:" + hex)->hex(), hex);
    for (std::string text :
         {std::string(), hex, "sha512:" + hex, "sha256:" + hex + "a", "sha256:../" + hex.substr(3),
          "sha256:" + std::string(64, 'A'), "SHA256:" + hex}) {
        EXPECT_FALSE(Digest::parse(text)) << text;
    }
    EXPECT_EQ(sha256("abc").text(),
              "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(Ids, AreFreshAndWellFormed) {
    EXPECT_TRUE(is_id(new_id()));
    EXPECT_NE(new_id(), new_id());
    EXPECT_EQ(short_id(new_id()).size(), 12u);
}

TEST(UndoStack, RunsLastToFirstUnlessKept) {
    std::string order;
    {
        UndoStack undo;
        undo.push([&] { order += 'a'; });
        undo.push([&] { order += 'b'; });
    }
    EXPECT_EQ(order, "ba");
    {
        UndoStack undo;
        undo.push([&] { order += 'c'; });
        undo.keep();
    }
    EXPECT_EQ(order, "ba");
}

TEST(Files, ReplaceReadAndRemove) {
    auto dir = TempDir::make();
    ASSERT_TRUE(dir);
    std::string path = dir->path() + "/a/b/file";
    ASSERT_TRUE(make_folders(dir->path() + "/a/b", 0700));
    ASSERT_TRUE(replace_file(path, "one", 0644, Sync::kData));
    ASSERT_TRUE(replace_file(path, "two", 0640, Sync::kNone));
    EXPECT_EQ(*read_file(path), "two");
    EXPECT_FALSE(read_file(path, 2));
    EXPECT_EQ(list_folder(dir->path() + "/a/b")->size(), 1u);
    std::string canary = dir->path() + "/canary";
    ASSERT_TRUE(write_file(canary, "x"));
    ASSERT_EQ(::symlink(canary.c_str(), (dir->path() + "/a/link").c_str()), 0);
    EXPECT_TRUE(remove_tree(dir->path() + "/a"));
    EXPECT_FALSE(exists(dir->path() + "/a"));
    EXPECT_TRUE(exists(canary));
    EXPECT_TRUE(remove_tree(dir->path() + "/nothing"));
}

TEST(Files, RemovesTreesDeeperThanDescriptorsReach) {
    auto dir = TempDir::make();
    ASSERT_TRUE(dir);
    std::string path = dir->path() + "/deep";
    ASSERT_EQ(::mkdir(path.c_str(), 0700), 0);
    UniqueFd folder = std::move(*open_file(path, O_RDONLY | O_DIRECTORY));
    for (int depth = 0; depth < 3000; ++depth) {
        ASSERT_EQ(::mkdirat(folder.get(), "d", 0700), 0);
        ASSERT_EQ(::mknodat(folder.get(), "file", S_IFREG | 0600, 0), 0) << depth;
        folder.reset(::openat(folder.get(), "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        ASSERT_TRUE(static_cast<bool>(folder));
    }
    rlimit before{}, few{128, 0};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
    few.rlim_max = before.rlim_max;
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &few), 0);
    auto removed = remove_tree(path);
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
    EXPECT_TRUE(removed) << removed.error().message;
    EXPECT_FALSE(exists(path));
}

}  // namespace
}  // namespace berth
