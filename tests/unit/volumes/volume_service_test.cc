#include "volumes/prune.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <mutex>
#include <thread>

#include "engine/base/files.h"
#include "engine/base/ids.h"
#include "engine/confine/copy_tree.h"

namespace berth::volumes {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class Recorder : public events::EventSink {
 public:
    void publish(events::Event event) override {
        std::lock_guard lock(mutex_);
        seen.push_back(event.action + " " + event.actor_id);
    }
    std::vector<std::string> seen;

 private:
    std::mutex mutex_;
};

class Volumes : public testing::Test {
 protected:
    Volumes() : dir_(std::move(*TempDir::make())), root_(dir_.path() + "/volumes") { open(); }
    void open(const std::string& database = "db") {
        service_.reset();
        database_.reset();
        const state::Schema schemas[] = {kSchema};
        database_ = std::move(*state::Database::open(dir_.path() + "/" + database, schemas));
        VolumeConfig config{root_, [this](int source, int target) { return copy(source, target); }};
        auto opened = open_volume_service(config, *database_, events_);
        ASSERT_TRUE(opened) << opened.error().message;
        service_ = std::move(*opened);
    }
    // The real helper.
    Result<> copy(int source, int target) {
        ++copies_;
        confine::HelperOptions helper;
        helper.path = HELPER;
        BERTH_CHECK(confine::copy_tree(helper, source, target));
        return {};
    }
    static std::string text_of(const std::string& path) { return read_file(path).value_or("(not there)"); }
    Volume make(const std::string& name, std::map<std::string, std::string> labels = {}) {
        auto made = service_->create({name, "", {}, labels});
        EXPECT_TRUE(made) << (made ? "" : made.error().message);
        return made ? *made : Volume();
    }
    std::string refused(const std::string& name, const std::string& driver = "",
                        std::map<std::string, std::string> options = {}) {
        auto made = service_->create({name, driver, options, {}});
        return made ? "accepted" : made.error().message;
    }
    std::vector<std::string> names() {
        std::vector<std::string> out;
        const auto all = *service_->list();
        for (const auto& volume : all) out.push_back(volume.name);
        return out;
    }
    TempDir dir_;
    std::string root_;
    Recorder events_;
    std::unique_ptr<state::Database> database_;
    std::unique_ptr<VolumeService> service_;
    int copies_ = 0;
};

TEST_F(Volumes, CreateIsIdempotentAndOutlivesTheService) {
    const auto first = make("data", {{"a", "b"}});
    EXPECT_EQ(first.mountpoint, root_ + "/data/_data");
    EXPECT_EQ(make("data", {{"c", "d"}}).labels, first.labels);
    EXPECT_THAT(events_.seen, ElementsAre("create data"));
    struct stat info{};
    ASSERT_EQ(stat(first.mountpoint.c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 07777, 0755U);
    open();
    const auto again = service_->inspect("data");
    ASSERT_TRUE(again);
    EXPECT_EQ(again->labels, first.labels);
    EXPECT_EQ(again->created_at, first.created_at);
    EXPECT_EQ(again->mountpoint, first.mountpoint);
}

TEST_F(Volumes, AnonymousOnesAreMarked) {
    const auto volume = make("");
    EXPECT_TRUE(is_id(volume.name));
    EXPECT_TRUE(volume.anonymous);
    EXPECT_EQ(volume.labels.count("com.docker.volume.anonymous"), 1U);
    EXPECT_FALSE(make("named").anonymous);
}

TEST_F(Volumes, RefusalsAreDockers) {
    const std::string only =
        "\" includes invalid characters for a local volume name, only \"[a-zA-Z0-9][a-zA-Z0-9_.-]\" are "
        "allowed. If you "
        "intended to pass a host directory, use absolute path";
    EXPECT_EQ(refused("a"),
              "create a: volume name is too short, names should be at least two alphanumeric characters");
    for (const std::string name : {"a/b", "../x", ".a", "-a", "a b", "a\n",
                                   "\xc3\xa4"
                                   "b"}) {
        EXPECT_EQ(refused(name), "create " + name + ": \"" + name + only);
    }
    EXPECT_EQ(refused("xx", "foo"),
              "create xx: error looking up volume plugin foo: plugin \"foo\" not found");
    EXPECT_EQ(refused("xx", "", {{"foo", "x"}}), "create xx: invalid option: \"foo\"");
    EXPECT_EQ(refused("xx", "", {{"type", "tmpfs"}}), "create xx: missing required option: \"device\"");
    EXPECT_EQ(refused("xx", "", {{"size", "1m"}}), "create xx: quota size requested but no quota support");
    EXPECT_EQ(refused("xx", "", {{"device", "tmpfs"}}), "create xx: missing required option: \"type\"");
    EXPECT_EQ(refused("xx", "", {{"o", "ro"}}), "create xx: missing required option: \"device\"");
    EXPECT_THAT(refused(std::string(256, 'a')), HasSubstr("file name too long"));
    EXPECT_EQ(service_->inspect("xx").error().message, "get xx: no such volume");
    EXPECT_EQ(service_->acquire({"a/b"}, "c").error().kind, ErrorKind::kInvalidArgument);
    EXPECT_THAT(names(), IsEmpty());
    EXPECT_THAT(*list_folder(root_), IsEmpty());
    EXPECT_THAT(events_.seen, IsEmpty());
}

TEST_F(Volumes, UsedOnesStay) {
    ASSERT_TRUE(service_->acquire({"data"}, "c2"));
    ASSERT_TRUE(service_->acquire({"data"}, "c1"));
    ASSERT_TRUE(service_->acquire({"data"}, "c1"));
    open();
    EXPECT_THAT(service_->users("data"), ElementsAre("c1", "c2"));
    auto removed = service_->remove("data", true);
    ASSERT_FALSE(removed);
    EXPECT_EQ(removed.error().kind, ErrorKind::kConflict);
    EXPECT_EQ(removed.error().message, "remove data: volume is in use - [c1, c2]");
    ASSERT_TRUE(service_->release("c1"));
    ASSERT_TRUE(service_->release("c2"));
    ASSERT_TRUE(service_->remove("data", false));
    EXPECT_THAT(*list_folder(root_), IsEmpty());
    EXPECT_EQ(service_->remove("data", false).error().message, "get data: no such volume");
    EXPECT_TRUE(service_->remove("data", true));
    open();
    EXPECT_THAT(names(), IsEmpty());
}

TEST_F(Volumes, PruneTakesUnusedOnesThatAreWanted) {
    const auto anonymous = make("").name;
    make("kept");
    ASSERT_TRUE(service_->acquire({"used"}, "c1"));
    ASSERT_TRUE(write_file(root_ + "/" + anonymous + "/_data/file", std::string(10000, 'x')));
    auto report = prune(*service_, events_, [](const Volume& volume) { return volume.anonymous; });
    ASSERT_TRUE(report);
    EXPECT_THAT(report->names, ElementsAre(anonymous));
    EXPECT_GE(report->bytes, 10000U);
    EXPECT_THAT(names(), ElementsAre("kept", "used"));
    report = prune(*service_, events_, [](const Volume&) { return true; });
    EXPECT_THAT(report->names, ElementsAre("kept"));
    EXPECT_EQ(report->bytes, 0U);
}

TEST_F(Volumes, ALostDatabaseIsFilledFromTheCopies) {
    make("data", {{"a", "b"}});
    open("another-db");
    EXPECT_THAT(names(), ElementsAre("data"));
    EXPECT_EQ(service_->inspect("data")->labels.at("a"), "b");
}

TEST_F(Volumes, WhatACrashLeftIsSweptAndStrangersAreSpared) {
    make("data");
    make("half-removed");
    ASSERT_TRUE(service_->acquire({"half-removed"}, "c1"));
    ASSERT_EQ(rename((root_ + "/half-removed").c_str(), (root_ + "/.gone-1").c_str()), 0);
    ASSERT_TRUE(make_folders(root_ + "/.new-1/_data", 0755));
    ASSERT_TRUE(make_folders(root_ + "/stranger", 0755));
    ASSERT_TRUE(make_folders(root_ + "/liar", 0755));
    ASSERT_TRUE(write_file(root_ + "/liar/volume.json", text_of(root_ + "/data/volume.json")));
    ASSERT_TRUE(make_folders(root_ + "/broken", 0755));
    ASSERT_TRUE(write_file(root_ + "/broken/volume.json", "{\"Name\":7}"));
    open();
    EXPECT_THAT(names(), ElementsAre("data"));
    EXPECT_THAT(service_->users("half-removed"), IsEmpty());
    EXPECT_THAT(*list_folder(root_), testing::UnorderedElementsAre("data", "stranger", "liar", "broken"));
    EXPECT_EQ(service_->create({"stranger"}).error().kind, ErrorKind::kConflict);
    EXPECT_FALSE(exists(root_ + "/stranger/_data"));
}

class CopyUp : public Volumes {
 protected:
    CopyUp() : image_(dir_.path() + "/image") {
        EXPECT_TRUE(make_folders(image_ + "/data", 0755));
        EXPECT_EQ(chown((image_ + "/data").c_str(), 999, 998), 0);
        EXPECT_EQ(chmod((image_ + "/data").c_str(), 01770), 0);
        fd_ = std::move(*open_file(image_, O_PATH | O_DIRECTORY));
        make("volume");
    }
    Result<> run(const std::string& target = "/data") {
        return service_->copy_up("volume", "", fd_.get(), target);
    }
    std::string data() const { return root_ + "/volume/_data"; }
    std::string image_;
    UniqueFd fd_;
};

TEST_F(CopyUp, TakesOverAnEmptyFoldersOwnerAndMode) {
    ASSERT_TRUE(run());
    struct stat info{};
    ASSERT_EQ(stat(data().c_str(), &info), 0);
    EXPECT_EQ(info.st_uid, 999U);
    EXPECT_EQ(info.st_gid, 998U);
    EXPECT_EQ(info.st_mode & 07777, 01770U);
    EXPECT_EQ(copies_, 0);
}

TEST_F(CopyUp, FillsAnEmptyVolumeOnce) {
    ASSERT_TRUE(write_file(image_ + "/data/file", "text"));
    std::thread other([this] { EXPECT_TRUE(run()); });
    const auto copied = run();
    other.join();
    ASSERT_TRUE(copied) << copied.error().message;
    EXPECT_EQ(text_of(data() + "/file"), "text");
    struct stat info{};
    ASSERT_EQ(stat(data().c_str(), &info), 0);
    EXPECT_EQ(info.st_uid, 999U);
    EXPECT_EQ(info.st_mode & 07777, 01770U);
    EXPECT_EQ(copies_, 1);
    ASSERT_TRUE(write_file(data() + "/file", "mine"));
    ASSERT_TRUE(run());
    EXPECT_EQ(text_of(data() + "/file"), "mine");
}

TEST_F(CopyUp, WithoutACopierFilesAreRefused) {
    ASSERT_TRUE(write_file(image_ + "/data/file", "text"));
    VolumeConfig config{root_, {}};
    auto opened = open_volume_service(config, *database_, events_);
    ASSERT_TRUE(opened);
    EXPECT_EQ((*opened)->copy_up("volume", "", fd_.get(), "/data").error().kind, ErrorKind::kNotImplemented);
    EXPECT_THAT(*list_folder(data()), IsEmpty());
}

TEST_F(CopyUp, StaysInTheImage) {
    ASSERT_EQ(symlink("/data", (image_ + "/link").c_str()), 0);
    ASSERT_EQ(symlink("../../../../../../etc", (image_ + "/out").c_str()), 0);
    ASSERT_EQ(symlink("/proc/self/root/etc", (image_ + "/magic").c_str()), 0);
    ASSERT_TRUE(write_file(image_ + "/data/file", "text"));
    EXPECT_TRUE(run("/out"));
    EXPECT_TRUE(run("/magic"));
    EXPECT_TRUE(run("/../../etc"));
    EXPECT_TRUE(run("/missing"));
    EXPECT_THAT(*list_folder(data()), IsEmpty());
    EXPECT_TRUE(run("/link"));
    EXPECT_THAT(*list_folder(data()), ElementsAre("file"));
}

TEST_F(CopyUp, AFileIsRefused) {
    ASSERT_TRUE(write_file(image_ + "/file", "text"));
    EXPECT_EQ(run("/file").error().message, "cannot mount volume over existing file, file exists /file");
    EXPECT_EQ(service_->copy_up("nope", "", fd_.get(), "/").error().message, "get nope: no such volume");
}

}  // namespace
}  // namespace berth::volumes
