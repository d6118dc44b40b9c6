#include "engine/archive/tar_writer.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <array>

#include "engine/archive/overlay_diff.h"
#include "engine/archive/tar_reader.h"
#include "engine/base/files.h"

namespace berth::archive {
namespace {

class TarWriterTest : public testing::Test {
 protected:
    void SetUp() override {
        auto made = TempDir::make();
        ASSERT_TRUE(made) << made.error().message;
        folder_.emplace(std::move(*made));
        file_ = UniqueFd(::open((folder_->path() + "/tar").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
        ASSERT_TRUE(file_);
    }

    // What a reader makes of what was written.
    std::vector<TarEntry> read_back() {
        ::lseek(file_.get(), 0, SEEK_SET);
        FdSource source(file_.get());
        TarReader reader(source);
        std::vector<TarEntry> out;
        for (TarEntry entry; true; entry = {}) {
            auto more = reader.next(entry);
            EXPECT_TRUE(more) << more.error().message;
            if (!more || !*more) return out;
            out.push_back(entry);
        }
    }

    std::optional<TempDir> folder_;
    UniqueFd file_;
};

TEST_F(TarWriterTest, WhatAHeaderCannotHoldGoesIntoRecords) {
    const std::array<std::string, 7> paths{
        "short",
        std::string(100, 'n'),
        std::string(101, 'n'),
        std::string(150, 'p') + "/" + std::string(100, 'n'),
        std::string(156, 'p') + "/" + std::string(99, 'n'),
        std::string(3000, 'd') + "/x",
        "\xc3\xbc/\xff",
    };
    FdSink sink(file_.get());
    TarWriter writer(sink);
    for (const auto& path : paths) {
        TarEntry entry;
        entry.type = TarEntry::Type::kFile;
        entry.path = path;
        entry.mode = 04755;
        entry.uid = 3'000'000'000U;
        entry.gid = 7;
        entry.mtime = {-5, 0};
        entry.xattrs = {{"user.name", std::string("a\0=\n", 4)}};
        ASSERT_TRUE(writer.add(entry));
    }
    ASSERT_TRUE(writer.finish());
    auto entries = read_back();
    ASSERT_EQ(entries.size(), paths.size());
    for (std::size_t i = 0; i < paths.size(); ++i) {
        EXPECT_EQ(entries[i].path, paths[i]);
        EXPECT_EQ(entries[i].mode, 04755U);
        EXPECT_EQ(entries[i].uid, 3'000'000'000U);
        EXPECT_EQ(entries[i].gid, 7U);
        EXPECT_EQ(entries[i].mtime.tv_sec, -5);
        ASSERT_EQ(entries[i].xattrs.size(), 1U);
        EXPECT_EQ(entries[i].xattrs[0].second, std::string("a\0=\n", 4));
    }
    struct stat status{};
    ASSERT_EQ(::fstat(file_.get(), &status), 0);
    EXPECT_EQ(status.st_size % 512, 0);
}

TEST_F(TarWriterTest, ExactTimesAreReadBack) {
    FdSink sink(file_.get());
    TarWriter writer(sink, TarWriter::Times::kExact);
    const std::array<timespec, 5> times{
        {{0, 0}, {5, 1}, {1234567890, 123456789}, {-2, 500000000}, {-1, 999999999}}};
    for (const timespec& time : times) {
        TarEntry entry;
        entry.path = "file";
        entry.mtime = time;
        ASSERT_TRUE(writer.add(entry));
    }
    ASSERT_TRUE(writer.finish());
    ASSERT_EQ(::lseek(file_.get(), 0, SEEK_SET), 0);
    FdSource source(file_.get());
    TarReader reader(source);
    TarEntry entry;
    for (const timespec& time : times) {
        ASSERT_TRUE(*reader.next(entry));
        EXPECT_EQ(entry.mtime.tv_sec, time.tv_sec);
        EXPECT_EQ(entry.mtime.tv_nsec, time.tv_nsec);
    }
}

TEST_F(TarWriterTest, FoldersLinksAndDevices) {
    FdSink sink(file_.get());
    TarWriter writer(sink);
    TarEntry folder;
    folder.type = TarEntry::Type::kFolder;
    folder.path = std::string(99, 'f') + "/" + std::string(99, 'g');
    ASSERT_TRUE(writer.add(folder));
    TarEntry link;
    link.type = TarEntry::Type::kSymlink;
    link.path = "l";
    link.link = std::string(500, 't');
    ASSERT_TRUE(writer.add(link));
    TarEntry device;
    device.type = TarEntry::Type::kCharDevice;
    device.path = "null";
    device.device = makedev(1, 3);
    ASSERT_TRUE(writer.add(device));
    ASSERT_TRUE(writer.finish());
    auto entries = read_back();
    ASSERT_EQ(entries.size(), 3U);
    EXPECT_EQ(entries[0].type, TarEntry::Type::kFolder);
    EXPECT_EQ(entries[0].path, folder.path + "/");
    EXPECT_EQ(entries[1].link, link.link);
    EXPECT_EQ(entries[2].device, makedev(1, 3));
}

TEST_F(TarWriterTest, AFileThatShrinksIsFilledUp) {
    const std::string path = folder_->path() + "/file";
    ASSERT_TRUE(write_file(path, std::string(100'000, 'x')));
    auto file = open_file(path, O_RDONLY);
    ASSERT_TRUE(file);
    FdSink sink(file_.get());
    TarWriter writer(sink);
    TarEntry entry;
    entry.type = TarEntry::Type::kFile;
    entry.path = "file";
    entry.size = 700'000;
    ASSERT_TRUE(writer.add(entry));
    ASSERT_TRUE(writer.content(file->get(), entry.size));
    entry.path = "next";
    entry.size = 0;
    ASSERT_TRUE(writer.add(entry));
    ASSERT_TRUE(writer.finish());
    auto entries = read_back();
    ASSERT_EQ(entries.size(), 2U);
    EXPECT_EQ(entries[1].path, "next");
}

// Folders on one file system, as an overlay's layers are.
class OverlayDiffTest : public testing::Test {
 protected:
    void SetUp() override {
        if (::geteuid() != 0) GTEST_SKIP() << "devices and trusted attributes want root";
        auto made = TempDir::make();
        ASSERT_TRUE(made);
        folder_.emplace(std::move(*made));
        for (const char* name : {"upper", "middle", "bottom"})
            ASSERT_TRUE(make_folders(folder_->path() + "/" + name, 0755));
    }
    std::string in(const std::string& path) const { return folder_->path() + "/" + path; }
    void file(const std::string& path, const std::string& content = "x") {
        ASSERT_TRUE(make_folders(in(path.substr(0, path.rfind('/'))), 0755));
        ASSERT_TRUE(write_file(in(path), content, 0644));
        timespec times[2] = {{1000, 0}, {1000, 0}};
        ASSERT_EQ(::utimensat(AT_FDCWD, in(path).c_str(), times, 0), 0);
    }
    void hide(const std::string& path) {
        ASSERT_TRUE(make_folders(in(path.substr(0, path.rfind('/'))), 0755));
        ASSERT_EQ(::mknod(in(path).c_str(), S_IFCHR, makedev(0, 0)), 0);
    }
    void make_opaque(const std::string& path) {
        ASSERT_TRUE(make_folders(in(path), 0755));
        ASSERT_EQ(::setxattr(in(path).c_str(), "trusted.overlay.opaque", "y", 1, 0), 0);
    }
    std::vector<std::string> changes() {
        UniqueFd upper(::open(in("upper").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        UniqueFd middle(::open(in("middle").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        UniqueFd bottom(::open(in("bottom").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        OverlayDiff diff(upper.get(), {middle.get(), bottom.get()});
        std::vector<std::string> out;
        auto done = diff.walk([&](const Change& change, int, const std::string&, const struct stat*) {
            out.push_back(std::string(1, "CAD"[static_cast<int>(change.kind)]) + " " + change.path);
            return Result<>();
        });
        EXPECT_TRUE(done) << done.error().message;
        return out;
    }

    std::optional<TempDir> folder_;
};

using Changes = std::vector<std::string>;

TEST_F(OverlayDiffTest, WhatWasCopiedUpAndIsTheSameIsNoChange) {
    file("bottom/a/same");
    file("upper/a/same");
    EXPECT_EQ(changes(), Changes());
    file("upper/a/same", "longer");
    EXPECT_EQ(changes(), (Changes{"C /a", "C /a/same"}));
}

TEST_F(OverlayDiffTest, ANewLinkTakesItsFileAlong) {
    file("bottom/same");
    file("upper/same");
    ASSERT_EQ(::link(in("upper/same").c_str(), in("upper/new").c_str()), 0);
    EXPECT_EQ(changes(), (Changes{"A /new", "C /same"}));
}

TEST_F(OverlayDiffTest, WhiteoutsTellWhatWasThere) {
    file("bottom/a/gone");
    hide("upper/a/gone");
    hide("upper/a/never");
    file("bottom/b/hidden");
    hide("middle/b/hidden");
    hide("upper/b/hidden");
    EXPECT_EQ(changes(), (Changes{"C /a", "D /a/gone"}));
}

TEST_F(OverlayDiffTest, AnOpaqueFolderTakesAwayWhatItDoesNotHave) {
    file("bottom/a/one");
    file("middle/a/two");
    file("bottom/a/kept");
    make_opaque("upper/a");
    file("upper/a/kept");
    file("upper/a/new");
    EXPECT_EQ(changes(), (Changes{"C /a", "D /a/one", "D /a/two", "A /a/new"}));
}

TEST_F(OverlayDiffTest, LayersBelowHideEachOther) {
    file("bottom/a/old");
    make_opaque("middle/a");
    file("upper/a/old");
    EXPECT_EQ(changes(), (Changes{"C /a", "A /a/old"}));
}

}  // namespace
}  // namespace berth::archive
