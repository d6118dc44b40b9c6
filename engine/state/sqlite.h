#pragma once

#include <sqlite3.h>

#include <string>
#include <string_view>
#include <unordered_map>

#include "engine/state/database.h"

// Inside engine/state only: the connection behind Connection.
namespace berth::state {

// An Error from SQLite's last failure on `handle`: kConflict for UNIQUE and primary keys, kDataLoss for a
// damaged file, kUnavailable when it stays locked, kInternal (with ENOSPC where it is that) for the rest.
Failure sqlite_failure(sqlite3* handle, std::string_view what);

// One handle, used by one thread at a time.
class SqliteConnection final : public Connection {
 public:
    enum class Access { kReadWrite, kReadOnly };
    static Result<std::unique_ptr<SqliteConnection>> open(const std::string& path, Access access);
    ~SqliteConnection() override;

    Result<Statement> prepare(std::string_view sql) override;
    Result<> execute(std::string_view sql) override;

    // The first column of the first row, as text; "" without a row.
    Result<std::string> query(std::string_view sql);
    // False once SQLite has given up the transaction by itself (disk full, I/O error).
    bool in_transaction() const { return sqlite3_get_autocommit(handle_) == 0; }

    // A statement comes back when its user is done with it.
    void recycle(std::string sql, sqlite3_stmt* statement);

 private:
    explicit SqliteConnection(sqlite3* handle) : handle_(handle) {}

    sqlite3* handle_;
    std::unordered_map<std::string, sqlite3_stmt*> idle_;
};

}  // namespace berth::state
