#include "engine/state/database.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "engine/base/files.h"

namespace berth::state {
namespace {

constexpr std::string_view kFirst[] = {
    "CREATE TABLE test_thing (name TEXT PRIMARY KEY, size INTEGER NOT NULL) STRICT"};
constexpr std::string_view kSecond[] = {kFirst[0], "ALTER TABLE test_thing ADD COLUMN note TEXT"};
constexpr std::string_view kBroken[] = {kFirst[0], "ALTER TABLE test_thing ADD COLUMN note TEXT; NONSENSE"};
const Schema kV1[] = {{"test", kFirst}};
const Schema kV2[] = {{"test", kSecond}};
const Schema kBad[] = {{"test", kBroken}};

class DatabaseTest : public testing::Test {
 protected:
    TempDir dir_ = *TempDir::make();
    std::string path_ = dir_.path() + "/state.db";

    static std::function<Result<>(Connection&)> insert(std::string name, std::int64_t size) {
        return [=](Connection& connection) -> Result<> {
            BERTH_TRY(Statement add, connection.prepare("INSERT INTO test_thing (name, size) VALUES (?, ?)"));
            return add.bind(1, name).bind(2, size).run();
        };
    }
    static std::int64_t count(Database& database) {
        std::int64_t rows = -1;
        EXPECT_TRUE(database.read([&](Connection& connection) -> Result<> {
            BERTH_TRY(Statement query, connection.prepare("SELECT count(*) FROM test_thing"));
            BERTH_CHECK(query.step());
            rows = query.number(0);
            return {};
        }));
        return rows;
    }
};

TEST_F(DatabaseTest, KeepsWhatWasWritten) {
    {
        auto database = Database::open(path_, kV1);
        ASSERT_TRUE(database) << database.error().message;
        ASSERT_TRUE((*database)->write(Durability::kFull, insert("a", 1)));
        ASSERT_TRUE((*database)->write(Durability::kNormal, insert("", INT64_MAX)));
    }
    auto database = Database::open(path_, kV1);
    ASSERT_TRUE(database);
    ASSERT_TRUE((*database)->read([](Connection& connection) -> Result<> {
        BERTH_TRY(Statement query, connection.prepare("SELECT name, size FROM test_thing ORDER BY size"));
        EXPECT_TRUE(*query.step());
        EXPECT_EQ(query.text(0), "a");
        EXPECT_TRUE(*query.step());
        EXPECT_EQ(query.text(0), "");
        EXPECT_FALSE(query.is_null(0));
        EXPECT_EQ(query.number(1), INT64_MAX);
        EXPECT_FALSE(*query.step());
        return {};
    }));
    struct stat status{};
    ASSERT_EQ(::stat(path_.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777, 0600u);
}

TEST_F(DatabaseTest, AnErrorRollsBackItsOwnStatementsOnly) {
    auto database = std::move(*Database::open(path_, kV1));
    ASSERT_TRUE(database->write(Durability::kFull, insert("taken", 1)));
    auto twice = database->write(Durability::kFull, [](Connection& connection) -> Result<> {
        BERTH_CHECK(insert("fresh", 2)(connection));
        return insert("taken", 3)(connection);
    });
    ASSERT_FALSE(twice);
    EXPECT_EQ(twice.error().kind, ErrorKind::kConflict);
    EXPECT_EQ(count(*database), 1);
}

TEST_F(DatabaseTest, ManyWritersShareCommitsAndOnlyTheFailingOnesFail) {
    auto database = std::move(*Database::open(path_, kV1));
    constexpr int kThreads = 8, kEach = 40;
    std::atomic<int> failed = 0;
    std::vector<std::thread> threads;
    for (int t = 0; t < kThreads; ++t) {
        threads.emplace_back([&, t] {
            for (int i = 0; i < kEach; ++i) {
                // Every fourth name is the same for all threads: one of them gets it.
                std::string name = i % 4 == 0 ? "shared" + std::to_string(i) : std::to_string(t * 1000 + i);
                auto written =
                    database->write(i % 2 ? Durability::kFull : Durability::kNormal, insert(name, i));
                if (!written) {
                    EXPECT_EQ(written.error().kind, ErrorKind::kConflict);
                    ++failed;
                }
            }
        });
    }
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(failed, (kThreads - 1) * kEach / 4);
    EXPECT_EQ(count(*database), kThreads * kEach - failed);
}

TEST_F(DatabaseTest, ReadersSeeOneCommitAndCannotWrite) {
    auto database = std::move(*Database::open(path_, kV1));
    ASSERT_TRUE(database->read([&](Connection& connection) -> Result<> {
        BERTH_TRY(Statement query, connection.prepare("SELECT count(*) FROM test_thing"));
        EXPECT_TRUE(*query.step());
        EXPECT_EQ(query.number(0), 0);
        EXPECT_TRUE(database->write(Durability::kFull, insert("later", 1)));
        BERTH_TRY(Statement again, connection.prepare("SELECT count(*) FROM test_thing WHERE size >= 0"));
        EXPECT_TRUE(*again.step());
        EXPECT_EQ(again.number(0), 0);
        EXPECT_FALSE(insert("never", 1)(connection));
        return {};
    }));
    EXPECT_EQ(count(*database), 1);
}

TEST_F(DatabaseTest, WhatTheWorkThrowsReachesTheCallerAndIsRolledBack) {
    auto database = std::move(*Database::open(path_, kV1));
    auto work = [](Connection& connection) -> Result<> {
        EXPECT_TRUE(insert("half", 1)(connection));
        throw std::runtime_error("broken");
    };
    EXPECT_THROW((void)database->write(Durability::kFull, work).has_value(), std::runtime_error);
    EXPECT_EQ(count(*database), 0);
    EXPECT_FALSE(database->write(Durability::kFull, [&](Connection&) {
        return database->write(Durability::kFull, insert("nested", 1));
    }));
}

TEST_F(DatabaseTest, MigratesForwardAndRefusesNewerFiles) {
    ASSERT_TRUE((*Database::open(path_, kV1))->write(Durability::kFull, insert("old", 1)));
    auto broken = Database::open(path_, kBad);
    ASSERT_FALSE(broken);
    {
        auto database = Database::open(path_, kV2);
        ASSERT_TRUE(database) << database.error().message;
        EXPECT_TRUE((*database)->write(Durability::kFull, [](Connection& connection) {
            return connection.execute("UPDATE test_thing SET note = 'kept'");
        }));
        EXPECT_EQ(count(**database), 1);
    }
    auto newer = Database::open(path_, kV1);
    ASSERT_FALSE(newer);
    EXPECT_EQ(newer.error().kind, ErrorKind::kConflict);
}

TEST_F(DatabaseTest, ADamagedFileIsMovedAsideAndReplaced) {
    ASSERT_TRUE((*Database::open(path_, kV1))->write(Durability::kFull, insert("lost", 1)));
    std::string whole = *read_file(path_);
    std::string middle = whole;
    for (std::size_t i = 4096; i < middle.size(); ++i) middle[i] = static_cast<char>(i * 7);
    for (const std::string& bytes : {std::string("not a database at all, but long enough to be read as one"),
                                     middle, whole.substr(0, whole.size() / 2)}) {
        ASSERT_TRUE(write_file(path_, bytes));
        auto opened = Database::open(path_, kV1);
        ASSERT_FALSE(opened);
        EXPECT_EQ(opened.error().kind, ErrorKind::kDataLoss) << opened.error().message;
        auto replaced = open_or_replace(path_, kV1);
        ASSERT_TRUE(replaced) << replaced.error().message;
        EXPECT_EQ(*read_file(replaced->damaged_file), bytes);
        EXPECT_EQ(count(*replaced->database), 0);
        EXPECT_TRUE(replaced->database->write(Durability::kFull, insert("new", 1)));
    }
    auto sound = open_or_replace(path_, kV1);
    ASSERT_TRUE(sound);
    EXPECT_EQ(sound->damaged_file, "");
    EXPECT_EQ(count(*sound->database), 1);
}

TEST_F(DatabaseTest, SurvivesBeingKilled) {
    ASSERT_TRUE(Database::open(path_, kV1));
    int pipe_fds[2];
    ASSERT_EQ(::pipe2(pipe_fds, O_CLOEXEC), 0);
    pid_t child = ::fork();
    if (child == 0) {
        auto database = Database::open(path_, kV1);
        for (int i = 0; database && i < 10; ++i) {
            if (!(*database)->write(Durability::kNormal, insert(std::to_string(i), i))) ::_exit(1);
        }
        (void)::write(pipe_fds[1], "x", 1);
        while (true) ::pause();
    }
    char byte = 0;
    ASSERT_EQ(::read(pipe_fds[0], &byte, 1), 1);
    ASSERT_EQ(::kill(child, SIGKILL), 0);
    ASSERT_EQ(::waitpid(child, nullptr, 0), child);
    ::close(pipe_fds[0]);
    ::close(pipe_fds[1]);
    auto database = Database::open(path_, kV1);
    ASSERT_TRUE(database);
    EXPECT_EQ(count(**database), 10);
}

}  // namespace
}  // namespace berth::state
