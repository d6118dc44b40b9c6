#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <thread>

#include "engine/base/files.h"
#include "engine/snapshot/snapshotter.h"

namespace berth::snapshot {
namespace {

using testing::Contains;
using testing::HasSubstr;

class OverlayTest : public testing::Test {
 protected:
    TempDir dir_ = *TempDir::make();
    std::unique_ptr<state::Database> database_ = open_database("state.db");
    std::unique_ptr<Snapshotter> snapshots_ = open();

    std::unique_ptr<state::Database> open_database(const std::string& name) {
        static const state::Schema kSchemas[] = {kSchema};
        return std::move(*state::Database::open(dir_.path() + "/" + name, kSchemas));
    }
    std::unique_ptr<Snapshotter> open(const std::string& boot = "today") {
        return *open_overlay_snapshotter(dir_.path(), *database_, boot);
    }
    void layer(const std::string& name, const std::string& parent) {
        ASSERT_TRUE(snapshots_->prepare("extract-" + name, parent));
        ASSERT_TRUE(snapshots_->commit("extract-" + name, name));
    }
    // Beside that of what was discarded.
    std::size_t folders() { return list_folder(dir_.path() + "/snapshots")->size() - 1; }
    std::size_t discarded() { return list_folder(dir_.path() + "/snapshots/removed")->size(); }
};

TEST_F(OverlayTest, StacksLayersTopmostFirst) {
    auto base = snapshots_->prepare("extract", "");
    ASSERT_TRUE(base) << base.error().message;
    EXPECT_EQ(base->type, "bind");
    EXPECT_EQ(base->source, snapshots_->stat("extract")->upper);
    ASSERT_TRUE(snapshots_->commit("extract", "base"));
    layer("middle", "base");
    auto mount = snapshots_->prepare("container", "middle");
    ASSERT_TRUE(mount) << mount.error().message;
    EXPECT_EQ(mount->type, "overlay");
    EXPECT_THAT(mount->options, Contains("lowerdir=" + snapshots_->stat("middle")->upper + ":" +
                                         snapshots_->stat("base")->upper));
    EXPECT_THAT(mount->options, Contains("upperdir=" + snapshots_->stat("container")->upper));
    EXPECT_EQ(*snapshots_->mounts("container", ""), *mount);
    EXPECT_EQ(snapshots_->view("base")->options, (std::vector<std::string>{"bind", "ro"}));
    EXPECT_EQ(snapshots_->view("middle")->type, "overlay");
    EXPECT_FALSE(snapshots_->view("container"));
    EXPECT_FALSE(snapshots_->mounts("middle", ""));
    EXPECT_EQ(snapshots_->list()->size(), 3u);
}

TEST_F(OverlayTest, AFolderLiesUnderAllLayersOfAMount) {
    layer("base", "");
    ASSERT_TRUE(snapshots_->prepare("container", "base"));
    ASSERT_TRUE(snapshots_->prepare("alone", ""));
    EXPECT_THAT(snapshots_->mounts("container", "/below")->options,
                Contains("lowerdir=" + snapshots_->stat("base")->upper + ":/below"));
    auto alone = snapshots_->mounts("alone", "/below");
    EXPECT_EQ(alone->type, "overlay");
    EXPECT_THAT(alone->options, Contains("lowerdir=/below"));
    EXPECT_THAT(alone->options, Contains("upperdir=" + snapshots_->stat("alone")->upper));
}

TEST_F(OverlayTest, TheRootTakesOverTheParentsOwnerAndMode) {
    layer("base", "");
    std::string base = snapshots_->stat("base")->upper;
    struct stat status{};
    ASSERT_EQ(::stat(base.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777, 0755u);
    ASSERT_EQ(::chmod(base.c_str(), 01770), 0);
    if (::geteuid() == 0) {
        ASSERT_EQ(::chown(base.c_str(), 12, 34), 0);
        ASSERT_EQ(::chmod(base.c_str(), 01770), 0);
    }
    ASSERT_TRUE(snapshots_->prepare("c", "base"));
    struct stat copy{};
    ASSERT_EQ(::stat(snapshots_->stat("c")->upper.c_str(), &copy), 0);
    EXPECT_EQ(copy.st_mode & 07777, 01770u);
    if (::geteuid() == 0) {
        EXPECT_EQ(copy.st_gid, 34u);
    }
}

TEST_F(OverlayTest, WhatAPowerCutMayHaveTakenIsMadeAgain) {
    layer("base", "");
    layer("top", "base");
    EXPECT_TRUE(snapshots_->stat("base")->unsettled);
    EXPECT_FALSE(snapshots_->stat("base")->doubtful);
    snapshots_ = open("tomorrow");
    EXPECT_TRUE(snapshots_->stat("base")->doubtful);
    // Writing it out now brings nothing back.
    ASSERT_TRUE(snapshots_->settle());
    EXPECT_TRUE(snapshots_->stat("base")->doubtful);
    ASSERT_TRUE(snapshots_->prepare("again", ""));
    const std::string fresh = snapshots_->stat("again")->upper;
    ASSERT_TRUE(snapshots_->replace("again", "base"));
    EXPECT_EQ(snapshots_->stat("base")->upper, fresh);
    EXPECT_FALSE(snapshots_->stat("base")->doubtful);
    EXPECT_THAT(snapshots_->prepare("c", "top")->options, Contains(HasSubstr(":" + fresh)));
    EXPECT_EQ(folders(), 3u);
    ASSERT_TRUE(snapshots_->settle());
    EXPECT_FALSE(snapshots_->stat("base")->unsettled);
    EXPECT_TRUE(snapshots_->stat("top")->doubtful);
}

TEST_F(OverlayTest, WhatIsDiscardedGoesLater) {
    layer("base", "");
    ASSERT_TRUE(write_file(snapshots_->stat("base")->upper + "/file", "x"));
    ASSERT_TRUE(snapshots_->discard("base"));
    EXPECT_FALSE(snapshots_->stat("base"));
    EXPECT_EQ(folders(), 0u);
    EXPECT_EQ(discarded(), 1u);
    snapshots_ = open();
    ASSERT_TRUE(snapshots_->clear_discarded());
    EXPECT_EQ(discarded(), 0u);
}

TEST_F(OverlayTest, LayersGoOntoParentsThatComeLater) {
    ASSERT_TRUE(snapshots_->prepare("top", ""));
    ASSERT_TRUE(snapshots_->prepare("own", ""));
    EXPECT_EQ(snapshots_->commit_onto("top", "chain", "base", false).error().kind, ErrorKind::kNotFound);
    layer("base", "");
    ASSERT_EQ(::chmod(snapshots_->stat("base")->upper.c_str(), 01770), 0);
    ASSERT_TRUE(snapshots_->commit_onto("top", "chain", "base", false));
    ASSERT_TRUE(snapshots_->commit_onto("own", "chain2", "chain", true));
    struct stat status{};
    ASSERT_EQ(::stat(snapshots_->stat("chain")->upper.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777, 01770u);
    ASSERT_EQ(::stat(snapshots_->stat("chain2")->upper.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777, 0755u);
    EXPECT_EQ(snapshots_->stat("chain2")->parent, "chain");
    EXPECT_EQ(snapshots_->remove("base").error().kind, ErrorKind::kConflict);
    // Their numbers are smaller than their parent's; a lost database is filled all the same.
    snapshots_.reset();
    database_ = open_database("other.db");
    snapshots_ = open();
    EXPECT_EQ(snapshots_->list()->size(), 3u);
    EXPECT_EQ(snapshots_->stat("chain2")->parent, "chain");
}

TEST_F(OverlayTest, RefusesWhatDoesNotFitAndLeavesNothing) {
    layer("base", "");
    ASSERT_TRUE(snapshots_->prepare("c", "base"));
    std::size_t before = folders();
    EXPECT_EQ(snapshots_->prepare("c", "base").error().kind, ErrorKind::kConflict);
    EXPECT_EQ(snapshots_->prepare("c", "nothing").error().kind, ErrorKind::kNotFound);
    EXPECT_EQ(snapshots_->prepare("d", "nothing").error().kind, ErrorKind::kNotFound);
    EXPECT_EQ(snapshots_->prepare("d", "c").error().kind, ErrorKind::kNotFound);
    EXPECT_EQ(snapshots_->commit("c", "base").error().kind, ErrorKind::kConflict);
    EXPECT_EQ(snapshots_->remove("base").error().kind, ErrorKind::kConflict);
    EXPECT_EQ(snapshots_->remove("nothing").error().kind, ErrorKind::kNotFound);
    EXPECT_EQ(snapshots_->mounts("nothing", "").error().kind, ErrorKind::kNotFound);
    EXPECT_EQ(folders(), before);
    EXPECT_TRUE(snapshots_->mounts("c", ""));
    EXPECT_TRUE(snapshots_->remove("c"));
    EXPECT_TRUE(snapshots_->remove("base"));
    EXPECT_EQ(folders(), 0u);
}

TEST_F(OverlayTest, AFolderFirstAndItsRecordInAnothersTransaction) {
    layer("base", "");
    const std::size_t before = folders();
    auto staged = snapshots_->stage("container", "base");
    ASSERT_TRUE(staged) << staged.error().message;
    EXPECT_FALSE(snapshots_->stat("container"));
    auto enter = [&](state::Connection& connection) { return snapshots_->enter(connection, *staged); };
    auto regret = [&](state::Connection& connection) -> Result<> {
        BERTH_CHECK(enter(connection));
        return fail(ErrorKind::kInternal, "the record beside it");
    };
    EXPECT_FALSE(database_->write(state::Durability::kFull, regret));
    EXPECT_FALSE(snapshots_->stat("container"));
    ASSERT_TRUE(database_->write(state::Durability::kFull, enter));
    EXPECT_EQ(snapshots_->mounts("container", "")->type, "overlay");
    EXPECT_EQ(folders(), before + 1);

    auto other = snapshots_->stage("container", "base");
    ASSERT_TRUE(other);
    auto again = [&](state::Connection& connection) { return snapshots_->enter(connection, *other); };
    EXPECT_EQ(database_->write(state::Durability::kFull, again).error().kind, ErrorKind::kConflict);
    ASSERT_TRUE(snapshots_->leave(*other));
    EXPECT_EQ(folders(), before + 1);
    EXPECT_FALSE(snapshots_->stage("orphan", "nowhere"));
    EXPECT_EQ(folders(), before + 1);
}

TEST_F(OverlayTest, OfRacingPreparesOneWins) {
    layer("base", "");
    std::atomic<int> won = 0;
    std::vector<std::thread> threads;
    for (int i = 0; i < 8; ++i) {
        threads.emplace_back([&] { won += snapshots_->prepare("same", "base").has_value(); });
    }
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(won, 1);
    EXPECT_EQ(folders(), 2u);
    EXPECT_TRUE(snapshots_->mounts("same", ""));
}

TEST_F(OverlayTest, OrphansGoAndRecordsStay) {
    layer("base", "");
    ASSERT_TRUE(make_folders(dir_.path() + "/snapshots/17/fs", 0755));
    snapshots_ = open();
    ASSERT_TRUE(snapshots_->collect_orphans());
    EXPECT_EQ(folders(), 1u);
    ASSERT_TRUE(snapshots_->prepare("c", "base"));
    EXPECT_THAT(snapshots_->stat("c")->upper, HasSubstr("/18/"));
}

TEST_F(OverlayTest, ALostDatabaseIsFilledFromTheCopies) {
    layer("base", "");
    layer("top", "base");
    ASSERT_TRUE(snapshots_->prepare("c", "top"));
    auto before = *snapshots_->mounts("c", "");
    ASSERT_TRUE(make_folders(dir_.path() + "/snapshots/99/fs", 0755));
    database_ = open_database("fresh.db");
    snapshots_ = open();
    EXPECT_EQ(*snapshots_->mounts("c", ""), before);
    EXPECT_EQ(snapshots_->list()->size(), 3u);
    EXPECT_TRUE(snapshots_->stat("top")->committed);
}

TEST_F(OverlayTest, AnActiveFolderLostToAPowerCutIsMadeAgain) {
    layer("base", "");
    ASSERT_TRUE(snapshots_->prepare("c", "base"));
    std::string upper = snapshots_->stat("c")->upper;
    ASSERT_TRUE(remove_tree(upper.substr(0, upper.rfind('/'))));
    ASSERT_TRUE(snapshots_->mounts("c", ""));
    EXPECT_TRUE(exists(upper));
}

TEST_F(OverlayTest, UsageCountsALinkedFileOnce) {
    ASSERT_TRUE(snapshots_->prepare("c", ""));
    std::string upper = snapshots_->stat("c")->upper;
    ASSERT_TRUE(write_file(upper + "/file", std::string(1 << 20, 'x')));
    ASSERT_EQ(::link((upper + "/file").c_str(), (upper + "/again").c_str()), 0);
    std::uint64_t bytes = *snapshots_->usage("c");
    EXPECT_GE(bytes, 1u << 20);
    EXPECT_LT(bytes, 2u << 20);
}

}  // namespace
}  // namespace berth::snapshot
