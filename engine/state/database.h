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

class Connection;

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
    friend class Connection;
    struct Impl;
    explicit Statement(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

class Connection {
   public:
    virtual ~Connection() = default;
    // kConflict when a UNIQUE constraint refuses (reported by Statement::run).
    virtual Result<Statement> prepare(std::string_view sql) = 0;
    Result<> execute(std::string_view sql);
};

// What a service keeps in the database: `migrations[n]` brings its tables from version n to n+1, in one
// transaction. Never edited once released, only added to.
struct Schema {
    std::string_view name;  // "image", "volume", …; its tables carry it as prefix
    std::span<const std::string_view> migrations;
};

// kFull: on disk (synchronous=FULL) before the call returns: create, rm, image, tag, volume, network.
// kNormal: survives a crash of the process, not necessarily of the machine: start and exit.
enum class Durability { kNormal, kFull };

// One database file in WAL mode. Safe from any thread; all calls block.
class Database {
   public:
    // Opens or creates it and brings every schema up to date. A damaged file gives kDataLoss: the caller moves it
    // aside and rebuilds from the JSON copies (see README).
    static Result<std::unique_ptr<Database>> open(const std::string& path, std::span<const Schema> schemas);
    virtual ~Database() = default;

    // Runs `work` in a transaction on the one writer thread and returns once it is committed. An Error from `work`
    // rolls back its statements alone. Writers that arrive together are committed together.
    virtual Result<> write(Durability durability, std::function<Result<>(Connection&)> work) = 0;
    // Runs `work` on a read-only connection: sees the last commit, never waits for a writer.
    virtual Result<> read(std::function<Result<>(Connection&)> work) = 0;
};

}  // namespace berth::state
