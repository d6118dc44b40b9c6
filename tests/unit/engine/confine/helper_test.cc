// The real berth-helper on the real kernel, fed with tars made here.
#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <functional>

#include "engine/archive/gzip.h"
#include "engine/base/files.h"
#include "engine/confine/copy_tree.h"
#include "engine/confine/extract_archive.h"
#include "engine/confine/unpack.h"
#include "engine/sys/mount.h"

namespace berth::confine {
namespace {

const HelperOptions kHelper{.path = HELPER};

// A tar of entries added by name.
class Tar {
 public:
    Tar& add(const std::string& path, mode_t type, const std::string& content = "", mode_t mode = 0644,
             const std::string& link = "", bool hard = false) {
        entries_.push_back({path, type, content, mode, link, hard});
        return *this;
    }
    std::string bytes() const {
        std::string out(1 << 20, '\0');
        std::size_t used = 0;
        ::archive* writer = ::archive_write_new();
        ::archive_write_set_format_pax_restricted(writer);
        ::archive_write_open_memory(writer, out.data(), out.size(), &used);
        for (const Entry& entry : entries_) {
            ::archive_entry* header = ::archive_entry_new();
            ::archive_entry_set_pathname(header, entry.path.c_str());
            ::archive_entry_set_filetype(header, entry.type);
            ::archive_entry_set_perm(header, entry.mode);
            ::archive_entry_set_mtime(header, 1000000000, 0);
            if (entry.hard) {
                ::archive_entry_set_hardlink(header, entry.link.c_str());
            } else if (entry.type == AE_IFLNK) {
                ::archive_entry_set_symlink(header, entry.link.c_str());
            } else {
                ::archive_entry_set_size(header, static_cast<la_int64_t>(entry.content.size()));
            }
            ::archive_write_header(writer, header);
            ::archive_write_data(writer, entry.content.data(), entry.content.size());
            ::archive_entry_free(header);
        }
        ::archive_write_close(writer);
        ::archive_write_free(writer);
        out.resize(used);
        return out;
    }

 private:
    struct Entry {
        std::string path;
        mode_t type;
        std::string content;
        mode_t mode;
        std::string link;
        bool hard;
    };
    std::vector<Entry> entries_;
};

std::string gzip(std::string_view bytes) {
    std::string out;
    archive::Gzip packer([&](std::string_view piece) -> Result<> {
        out += piece;
        return {};
    });
    EXPECT_TRUE(packer.write(bytes));
    EXPECT_TRUE(packer.finish());
    return out;
}

class Confine : public testing::Test {
 protected:
    void SetUp() override {
        if (::geteuid() != 0) GTEST_SKIP() << "needs root";
        directory_.emplace(std::move(*TempDir::make("/var/tmp")));
        target_ = directory_->path() + "/target";
        ASSERT_EQ(::mkdir(target_.c_str(), 0755), 0);
        ASSERT_TRUE(write_file(canary(), "canary"));
    }
    std::string canary() const { return directory_->path() + "/canary"; }
    std::string at(const std::string& path) const { return target_ + "/" + path; }

    Result<UnpackReport> unpack(const std::string& tar, std::vector<std::string> parents = {}) {
        auto file = archive_of(tar);
        return unpack_layer(kHelper, file.get(), {target_, std::move(parents)});
    }
    UniqueFd archive_of(const std::string& tar) {
        const std::string path = directory_->path() + "/archive";
        EXPECT_TRUE(write_file(path, tar));
        return std::move(*open_file(path, O_RDONLY));
    }
    static struct stat status(const std::string& path) {
        struct stat out{};
        EXPECT_EQ(::lstat(path.c_str(), &out), 0) << path;
        return out;
    }

    std::optional<TempDir> directory_;
    std::string target_;
};

TEST_F(Confine, UnpacksAllKinds) {
    Tar tar;
    tar.add("dir/", AE_IFDIR, "", 0750)
        .add("dir/file", AE_IFREG, "hello", 04755)
        .add("link", AE_IFLNK, "", 0777, "dir/file");
    tar.add("hard", AE_IFREG, "", 0644, "dir/file", true)
        .add("fifo", AE_IFIFO, "", 0600)
        .add("deep/er/x", AE_IFREG, "y");
    auto report = unpack(gzip(tar.bytes()));
    ASSERT_TRUE(report) << report.error().message;
    EXPECT_EQ(report->diff_id, sha256(tar.bytes()));
    EXPECT_EQ(report->entries, 6u);
    EXPECT_EQ(*read_file(at("dir/file")), "hello");
    EXPECT_EQ(status(at("dir/file")).st_mode & 07777, 04755u);
    EXPECT_EQ(status(at("dir")).st_mtim.tv_sec, 1000000000);
    EXPECT_EQ(status(at("hard")).st_ino, status(at("dir/file")).st_ino);
    EXPECT_TRUE(S_ISFIFO(status(at("fifo")).st_mode));
    EXPECT_TRUE(S_ISLNK(status(at("link")).st_mode));
    EXPECT_EQ(status(at("deep/er")).st_mode & 07777, 0755u);
}

TEST_F(Confine, UnpacksWhatIsStillArriving) {
    const std::string tar =
        Tar().add("a", AE_IFREG, std::string(300000, 'a')).add("b", AE_IFREG, "b").bytes();
    const std::string path = directory_->path() + "/arriving";
    ASSERT_TRUE(write_file(path, ""));
    UniqueFd in = std::move(*open_file(path, O_RDONLY)), out = std::move(*open_file(path, O_WRONLY));
    auto unpacker = LayerUnpacker::start(kHelper, in.get(), {target_, {}});
    ASSERT_TRUE(unpacker) << unpacker.error().message;
    for (std::size_t at = 0; at < tar.size(); at += 100000) {
        ASSERT_TRUE(write_all(out.get(), std::string_view(tar).substr(at, 100000)));
        (*unpacker)->grown(std::min(at + 100000, tar.size()));
    }
    auto report = (*unpacker)->finish(tar.size());
    ASSERT_TRUE(report) << report.error().message;
    // It is the file's own, which nobody needs to be told.
    EXPECT_FALSE(report->diff_id);
    EXPECT_FALSE(report->names_root);
    EXPECT_EQ(read_file(at("a"))->size(), 300000u);
    EXPECT_EQ(*read_file(at("b")), "b");
}

TEST_F(Confine, AloneRefusesWhatNeedsTheLayersBelow) {
    auto alone = [&](const std::string& tar) {
        UniqueFd file = archive_of(tar);
        auto unpacker = LayerUnpacker::start(kHelper, file.get(), {.folder = target_, .below_unknown = true});
        return unpacker ? (*unpacker)->finish(tar.size()) : Result<UnpackReport>(Failure(unpacker.error()));
    };
    EXPECT_EQ(alone(Tar().add("etc/x", AE_IFREG, "x").bytes()).error().kind, ErrorKind::kConflict);
    EXPECT_EQ(alone(Tar().add(".wh..wh..opq", AE_IFREG).bytes()).error().kind, ErrorKind::kConflict);
    auto named = alone(
        Tar().add("./", AE_IFDIR, "", 0700).add("etc/", AE_IFDIR, "", 0755).add("etc/x", AE_IFREG).bytes());
    ASSERT_TRUE(named) << named.error().message;
    EXPECT_TRUE(named->names_root);
}

TEST_F(Confine, WhiteoutsAreOverlays) {
    Tar tar;
    tar.add(".wh.gone", AE_IFREG).add("opaque/", AE_IFDIR, "", 0755).add("opaque/.wh..wh..opq", AE_IFREG);
    tar.add("opaque/new", AE_IFREG, "n");
    auto report = unpack(tar.bytes());
    ASSERT_TRUE(report) << report.error().message;
    struct stat gone = status(at("gone"));
    EXPECT_TRUE(S_ISCHR(gone.st_mode));
    EXPECT_EQ(gone.st_rdev, makedev(0, 0));
    char value[4] = {};
    EXPECT_EQ(::getxattr(at("opaque").c_str(), "trusted.overlay.opaque", value, sizeof value), 1);
    EXPECT_EQ(value[0], 'y');
    EXPECT_EQ(*read_file(at("opaque/new")), "n");
}

TEST_F(Confine, UnnamedParentsTakeAfterTheLayersBelow) {
    std::string below = directory_->path() + "/below";
    ASSERT_TRUE(make_folders(below + "/secret", 0700));
    ASSERT_EQ(::chown((below + "/secret").c_str(), 12, 34), 0);
    auto report = unpack(Tar().add("secret/file", AE_IFREG, "x").bytes(), {below});
    ASSERT_TRUE(report) << report.error().message;
    EXPECT_EQ(status(at("secret")).st_mode & 07777, 0700u);
    EXPECT_EQ(status(at("secret")).st_uid, 12u);
}

TEST_F(Confine, AnyNumberOfLayersMayLieBelow) {
    std::vector<std::string> below;
    for (int i = 0; i < 120; ++i) {
        below.push_back(directory_->path() + "/below" + std::to_string(i));
        ASSERT_TRUE(make_folders(below.back() + "/name" + std::to_string(i), 0711));
    }
    auto report =
        unpack(Tar().add("name119/file", AE_IFREG, "x").add(".wh..wh..opq", AE_IFREG, "").bytes(), below);
    ASSERT_TRUE(report) << report.error().message;
    EXPECT_EQ(status(at("name119")).st_mode & 07777, 0711u);
    // The root's opaque mark hides what each of them has there.
    EXPECT_TRUE(S_ISCHR(status(at("name0")).st_mode));
    EXPECT_TRUE(S_ISCHR(status(at("name118")).st_mode));
    EXPECT_EQ(::getxattr(at("name119").c_str(), "trusted.overlay.opaque", nullptr, 0), 1);
}

TEST_F(Confine, NothingLeadsOutside) {
    std::string up = "../../../../../../../../../../.." + directory_->path();
    Tar tar;
    tar.add("../canary", AE_IFREG, "bad")
        .add(canary(), AE_IFREG, "bad")
        .add("out", AE_IFLNK, "", 0777, directory_->path());
    tar.add("out/canary", AE_IFREG, "bad")
        .add("up", AE_IFLNK, "", 0777, up)
        .add("up/canary", AE_IFREG, "bad");
    // What is refused is refused; what is taken stays inside.
    (void)unpack(tar.bytes()).has_value();
    EXPECT_EQ(*read_file(canary()), "canary");
    ASSERT_TRUE(list_folder(directory_->path()));
    EXPECT_EQ(list_folder(directory_->path())->size(), 3u);
}

TEST_F(Confine, HardLinksStayInside) {
    auto report = unpack(Tar().add("h", AE_IFREG, "", 0644, canary(), true).bytes());
    EXPECT_FALSE(report);
    EXPECT_EQ(status(canary()).st_nlink, 1u);
}

TEST_F(Confine, DamagedArchivesAreRefusedWithGosWords) {
    std::string tar = Tar().add("a", AE_IFREG, std::string(100000, 'x')).bytes();
    auto cut = unpack(tar.substr(0, 5000));
    ASSERT_FALSE(cut);
    EXPECT_EQ(cut.error().message, "unexpected EOF");
    EXPECT_EQ(cut.error().kind, ErrorKind::kInvalidArgument);
    auto junk = unpack(std::string(4096, 'j'));
    ASSERT_FALSE(junk);
    EXPECT_EQ(junk.error().message, "archive/tar: invalid tar header");
    auto gzip = unpack("\x1f\x8b" + std::string(600, 'z'));
    ASSERT_FALSE(gzip);
    EXPECT_EQ(gzip.error().kind, ErrorKind::kInvalidArgument);
    EXPECT_TRUE(unpack(std::string(10240, '\0')));
}

TEST_F(Confine, AnotherFileOfTheNameReplacesIt) {
    Tar tar;
    tar.add("x", AE_IFREG, "file").add("x", AE_IFDIR, "", 0755).add("x/in", AE_IFREG, "in");
    tar.add("y", AE_IFDIR, "", 0755).add("y/in", AE_IFREG, "in").add("y", AE_IFLNK, "", 0777, "x");
    auto report = unpack(tar.bytes());
    ASSERT_TRUE(report) << report.error().message;
    EXPECT_EQ(*read_file(at("x/in")), "in");
    EXPECT_TRUE(S_ISLNK(status(at("y")).st_mode));
}

struct Heard final : ArchiveWatcher {
    void begun(const ArchiveMember& member) override {
        log += "begun " + member.name + " " + std::to_string(member.size) + ", ";
    }
    void grown(const std::string&, std::uint64_t) override { log += "grown, "; }
    void ended(const std::string&) override { log += "ended, "; }
    std::string log;
};

TEST_F(Confine, ExtractsAnHttpBody) {
    const std::string tar = Tar().add("one", AE_IFREG, "1").bytes();
    int pair[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    UniqueFd ours(pair[0]);
    TarInput input{UniqueFd(pair[1]), {{tar.substr(0, 100), tar.size()}}};
    ASSERT_TRUE(write_all(ours.get(), tar.substr(100)));
    auto report = extract_archive(kHelper, input, target_);
    ASSERT_TRUE(report) << report.error().message;
    EXPECT_TRUE(report->body_ended);
    EXPECT_EQ(report->members.size(), 1u);
}

TEST_F(Confine, ExtractsArchivesFlat) {
    std::string tar = Tar()
                          .add("manifest.json", AE_IFREG, "[]")
                          .add("a/layer.tar", AE_IFREG, "layer")
                          .add("b/layer.tar", AE_IFLNK, "", 0777, "../a/layer.tar")
                          .add("../../evil", AE_IFREG, "e")
                          .bytes();
    const std::string path = directory_->path() + "/archive";
    ASSERT_TRUE(write_file(path, tar));
    TarInput input{*open_file(path, O_RDONLY), {}};
    Heard heard;
    auto report = extract_archive(kHelper, input, target_, &heard);
    ASSERT_TRUE(report) << report.error().message;
    EXPECT_EQ(heard.log, "begun manifest.json 2, ended, begun a/layer.tar 5, ended, begun evil 1, ended, ");
    std::map<std::string, std::string> files;
    for (const ArchiveMember& member : report->members)
        files[member.name] = *read_file(target_ + "/" + member.file);
    EXPECT_EQ(files["manifest.json"], "[]");
    EXPECT_EQ(files["a/layer.tar"], "layer");
    EXPECT_EQ(files["b/layer.tar"], "layer");
    EXPECT_EQ(files["evil"], "e");
    EXPECT_EQ(*read_file(canary()), "canary");
}

TEST_F(Confine, CopiesTrees) {
    std::string source = directory_->path() + "/source";
    ASSERT_TRUE(make_folders(source + "/sub", 0751));
    ASSERT_TRUE(write_file(source + "/sub/file", "data"));
    ASSERT_EQ(::link((source + "/sub/file").c_str(), (source + "/again").c_str()), 0);
    ASSERT_EQ(::symlink("/etc/passwd", (source + "/link").c_str()), 0);
    ASSERT_EQ(::chown((source + "/sub/file").c_str(), 5, 6), 0);
    ASSERT_EQ(::chmod(source.c_str(), 01777), 0);
    auto from = open_file(source, O_RDONLY | O_DIRECTORY), to = open_file(target_, O_RDONLY | O_DIRECTORY);
    auto report = copy_tree(kHelper, from->get(), to->get());
    ASSERT_TRUE(report) << report.error().message;
    EXPECT_EQ(*read_file(at("sub/file")), "data");
    EXPECT_EQ(status(at("sub/file")).st_uid, 5u);
    EXPECT_EQ(status(at("sub/file")).st_ino, status(at("again")).st_ino);
    EXPECT_TRUE(S_ISLNK(status(at("link")).st_mode));
    EXPECT_EQ(status(target_).st_mode & 07777, 01777u);
}

TEST_F(Confine, CopiesFromADetachedMount) {
    std::string root = directory_->path();
    for (const char* name : {"/lower/data", "/middle", "/upper", "/work"})
        ASSERT_TRUE(make_folders(root + name, 0755));
    ASSERT_TRUE(write_file(root + "/lower/data/below", "1"));
    ASSERT_TRUE(make_folders(root + "/upper/data", 0750));
    ASSERT_TRUE(write_file(root + "/upper/data/above", "2"));
    auto mount = sys::mount_detached({"overlay",
                                      "overlay",
                                      "",
                                      {"lowerdir=" + root + "/middle:" + root + "/lower",
                                       "upperdir=" + root + "/upper", "workdir=" + root + "/work"}});
    ASSERT_TRUE(mount) << mount.error().message;
    UniqueFd source(::openat(mount->get(), "data", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    auto to = open_file(target_, O_RDONLY | O_DIRECTORY);
    auto report = copy_tree(kHelper, source.get(), to->get());
    ASSERT_TRUE(report) << report.error().message;
    EXPECT_EQ(report->entries, 2u);
    EXPECT_EQ(*read_file(at("below")), "1");
    EXPECT_EQ(*read_file(at("above")), "2");
    EXPECT_EQ(status(target_).st_mode & 07777, 0750u);
}

}  // namespace
}  // namespace berth::confine
