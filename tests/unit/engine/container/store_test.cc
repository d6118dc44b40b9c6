#include <gtest/gtest.h>

#include <set>

#include "engine/async/spawn.h"
#include "engine/base/files.h"
#include "engine/base/ids.h"
#include "engine/container/store.h"

namespace berth::container {
namespace {

// One database and one data root, opened again as a new daemon would.
class StoreTest : public testing::Test {
 protected:
    StoreTest() : folder_(std::move(*TempDir::make())), pool_(2) { reopen(); }

    std::string database_path() const { return folder_.path() + "/berth.db"; }
    void reopen() {
        store_.reset();
        database_.reset();
        const state::Schema schemas[] = {kSchema};
        auto opened = state::open_or_replace(database_path(), schemas);
        ASSERT_TRUE(opened) << opened.error().message;
        database_ = std::move(opened->database);
        store_ = std::make_unique<Store>(*database_, pool_, folder_.path() + "/data");
        auto orphans = store_->load();
        ASSERT_TRUE(orphans) << orphans.error().message;
        orphans_ = *orphans;
    }
    std::string add(const std::string& name, bool auto_remove = false) {
        Container container;
        container.host.auto_remove = auto_remove;
        container.id = new_id();
        container.name = name;
        container.created_at = now();
        container.path = "sh";
        container.args = {"-c", "exit \xff"};
        container.config.image = "busybox";
        container.config.env = {"A=1"};
        container.host.memory = 64 << 20;
        container.host.port_bindings["80/tcp"] = {{"", "8080"}};
        EXPECT_TRUE(make_folders(store_->folder(container.id), 0700));
        EXPECT_TRUE(store_->reserve_name(name, container.id));
        auto added = async::block_on(io_, store_->add(container));
        EXPECT_TRUE(added) << added.error().message;
        return container.id;
    }

    TempDir folder_;
    IoContext io_;
    async::BlockingPool pool_;
    std::unique_ptr<state::Database> database_;
    std::unique_ptr<Store> store_;
    std::vector<std::string> orphans_;
};

TEST_F(StoreTest, FindsByNameIdAndPrefix) {
    std::string id = add("web");
    for (const std::string& ref : {id, std::string("web"), std::string("/web"), id.substr(0, 12)}) {
        auto found = store_->find(ref);
        ASSERT_TRUE(found) << ref;
        EXPECT_EQ((*found)->id, id);
    }
    auto missing = store_->find("nope");
    ASSERT_FALSE(missing);
    EXPECT_EQ(missing.error().message, "No such container: nope");
    EXPECT_FALSE(store_->find(""));
}

TEST_F(StoreTest, ANameBelongsToOneContainer) {
    std::string id = add("web");
    auto taken = store_->reserve_name("web", new_id());
    ASSERT_FALSE(taken);
    EXPECT_EQ(taken.error().kind, ErrorKind::kConflict);
    EXPECT_EQ(taken.error().message,
              "Conflict. The container name \"/web\" is already in use by container \"" + id +
                  "\". You have to remove (or rename) that container to be able to reuse that name.");
    ASSERT_TRUE(async::block_on(io_, store_->erase(id)));
    EXPECT_TRUE(store_->reserve_name("web", new_id()));
}

TEST_F(StoreTest, SurvivesARestart) {
    std::string id = add("web");
    State state;
    state.status = Status::kExited;
    state.exit_code = 3;
    state.finished_at = now();
    ASSERT_TRUE(async::block_on(io_, store_->save_state(id, state)));
    ASSERT_TRUE(store_->reserve_name("site", id));
    ASSERT_TRUE(async::block_on(io_, store_->rename(id, "site")));
    reopen();
    auto found = store_->find("site");
    ASSERT_TRUE(found);
    EXPECT_FALSE(store_->find("web"));
    EXPECT_EQ((*found)->state.exit_code, 3);
    EXPECT_EQ((*found)->state.finished_at, state.finished_at);
    EXPECT_EQ((*found)->host.memory, 64 << 20);
    EXPECT_EQ((*found)->host.port_bindings.at("80/tcp")[0].host_port, "8080");
    EXPECT_EQ((*found)->config.env, std::vector<std::string>{"A=1"});
}

TEST_F(StoreTest, RebuiltFromTheCopiesWhenTheDatabaseIsLost) {
    std::string id = add("web");
    store_.reset();
    database_.reset();
    for (const char* suffix : {"", "-wal", "-shm"}) ASSERT_TRUE(remove_tree(database_path() + suffix));
    reopen();
    auto found = store_->find("web");
    ASSERT_TRUE(found);
    EXPECT_EQ((*found)->id, id);
    EXPECT_EQ((*found)->state.status, Status::kCreated);
    reopen();  // and it is in the database again
    EXPECT_TRUE(store_->find("web"));
}

TEST_F(StoreTest, AFolderWithoutRowAndCopyIsAnOrphan) {
    std::string half = new_id();
    ASSERT_TRUE(make_folders(store_->folder(half), 0700));
    std::string emptied = new_id();
    ASSERT_TRUE(make_folders(store_->folder(emptied), 0700));
    ASSERT_TRUE(write_file(store_->folder(emptied) + "/config.json", ""));
    ASSERT_TRUE(make_folders(store_->folder("not-an-id"), 0700));
    reopen();
    EXPECT_EQ(std::set<std::string>(orphans_.begin(), orphans_.end()),
              (std::set<std::string>{half, emptied}));
}

// A power cut may take a copy, empty it, or leave one of before the last change.
TEST_F(StoreTest, ACopyIsMadeAsItsRecord) {
    std::string id = add("web");
    const std::string copy = store_->folder(id) + "/config.json";
    const std::string whole = *read_file(copy);
    ASSERT_TRUE(remove_tree(copy));
    reopen();
    EXPECT_EQ(*read_file(copy), whole);
    for (const char* text : {"", "{}"}) {
        ASSERT_TRUE(write_file(copy, text));
        reopen();
        EXPECT_EQ(*read_file(copy), whole);
    }
    EXPECT_TRUE(orphans_.empty());
}

// A record that was on disk can only have been lost; one that nobody waited for may never have been there.
TEST_F(StoreTest, ACopyAloneIsALostContainerOrWhatIsLeftOfAPassingOne) {
    std::string kept = add("kept"), lost = add("lost"), passing = add("passing", true);
    for (const auto& id : {lost, passing}) {
        const std::string copy = store_->folder(id) + "/config.json";
        const std::string text = *read_file(copy);
        ASSERT_TRUE(async::block_on(io_, store_->erase(id)));
        ASSERT_TRUE(write_file(copy, text));
    }
    reopen();
    EXPECT_EQ(orphans_, std::vector<std::string>{passing});
    EXPECT_FALSE(store_->find("passing"));
    EXPECT_TRUE(store_->find("lost"));
    EXPECT_TRUE(store_->find("kept"));
}

TEST_F(StoreTest, WhatGoesWithARecordGoesWithoutItToo) {
    auto refuse = [](state::Connection&) { return fail(ErrorKind::kConflict, "not with me"); };
    Container container;
    container.id = new_id();
    container.name = "web";
    ASSERT_TRUE(make_folders(store_->folder(container.id), 0700));
    auto added = async::block_on(io_, store_->add(container, refuse));
    ASSERT_FALSE(added);
    EXPECT_EQ(added.error().message, "not with me");
    EXPECT_FALSE(store_->find(container.id));
    reopen();
    EXPECT_EQ(orphans_, std::vector<std::string>{container.id});
}

}  // namespace
}  // namespace berth::container
