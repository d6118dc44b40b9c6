#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "engine/base/result.h"

// SQLite, wrapped once. Knows no domain: each service brings its own schema and its own statements.
namespace berth::state {

class SqliteConnection;

// A prepared statement. Parameters are bound by position from 1; columns are read by position from 0.
class Statement {
 public:
    Statement(Statement&&) noexcept;
    ~Statement();

    Statement& bind(int index, std::string_view text);
    Statement& bind(int index, std::int64_t number);
    Statement& bind_null(int index);

    // true: a row is there to read; false: done.
    Result<bool> step();
    // Steps a statement that gives no rows.
    Result<> run();
    std::string text(int column) const;
    std::int64_t number(int column) const;
    bool is_null(int column) const;

 private:
    friend class SqliteConnection;
    struct Impl;
    explicit Statement(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

class Connection {
 public:
    virtual ~Connection() = default;
    // Cheap for a text that was prepared before: connections keep their statements. kConflict when a UNIQUE
    // constraint or a primary key refuses (reported by Statement::run). A statement does not outlive its
    // connection.
    virtual Result<Statement> prepare(std::string_view sql) = 0;
    // Any number of statements without parameters and without rows.
    virtual Result<> execute(std::string_view sql) = 0;
};

// What a service keeps in the database: `migrations[n]` brings its tables from version n to n+1, in one
// transaction. Never edited once released, only added to.
struct Schema {
    std::string_view name;  // "image", "volume", …; its tables carry it as prefix
    std::span<const std::string_view> migrations;
};

// kFull: on disk (synchronous=FULL) before the call returns: create, rm, image, tag, network.
// kNormal: survives a crash of the process, not necessarily of the machine: start and exit.
enum class Durability { kNormal, kFull };

// One database file in WAL mode. Safe from any thread; all calls block.
class Database {
 public:
    // Opens or creates it and brings every schema up to date. A damaged file gives kDataLoss: the caller
    // moves it aside and rebuilds from the JSON copies (see README).
    static Result<std::unique_ptr<Database>> open(const std::string& path, std::span<const Schema> schemas);
    virtual ~Database() = default;

    // Runs `work` in a transaction on the one writer thread and returns once it is committed. An Error from
    // `work` rolls back its statements alone. Writers that arrive together are committed together. `work`
    // must not call write(); what it throws reaches the caller.
    virtual Result<> write(Durability durability, std::function<Result<>(Connection&)> work) = 0;
    // Runs `work` on a read-only connection, on the caller's thread: all its statements see the same, last
    // commit, and never wait for a writer.
    virtual Result<> read(std::function<Result<>(Connection&)> work) = 0;
};

// A database that is there again whatever happened to its file.
struct Reopened {
    std::unique_ptr<Database> database;
    // Where a damaged file went ("PATH.damaged-20261121T014102Z"), or "". When it is not empty the database
    // is new and every service fills its tables from its JSON copies.
    std::string damaged_file;
};
// Database::open(), and on kDataLoss: moves the file (and its -wal) aside, keeps it for whoever wants to
// look, and opens a fresh one. Other errors (no space, no permission, written by a newer version) are
// returned.
Result<Reopened> open_or_replace(const std::string& path, std::span<const Schema> schemas);

}  // namespace berth::state
