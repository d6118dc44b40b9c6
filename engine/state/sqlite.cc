#include "engine/state/sqlite.h"

#include <fmt/format.h>

#include <cerrno>

namespace berth::state {

namespace {

constexpr std::size_t kIdleStatements = 64;
// Only another process that looks into the file (a backup, the sqlite3 shell) can make us wait.
constexpr int kBusyMilliseconds = 5000;

ErrorKind kind_of(int code) {
    switch (code & 0xff) {
        case SQLITE_CONSTRAINT:
            return code == SQLITE_CONSTRAINT_UNIQUE || code == SQLITE_CONSTRAINT_PRIMARYKEY ||
                           code == SQLITE_CONSTRAINT_ROWID
                       ? ErrorKind::kConflict
                       : ErrorKind::kInternal;
        case SQLITE_CORRUPT:
        case SQLITE_NOTADB:
            return ErrorKind::kDataLoss;
        case SQLITE_BUSY:
        case SQLITE_LOCKED:
            return ErrorKind::kUnavailable;
        default:
            return ErrorKind::kInternal;
    }
}

}  // namespace

Failure sqlite_failure(sqlite3* handle, std::string_view what) {
    int code = sqlite3_extended_errcode(handle);
    int cause = (code & 0xff) == SQLITE_FULL ? ENOSPC : sqlite3_system_errno(handle);
    return Failure(Error{kind_of(code), fmt::format("{}: {}", what, sqlite3_errmsg(handle)), cause});
}

Result<std::unique_ptr<SqliteConnection>> SqliteConnection::open(const std::string& path, Access access) {
    int flags =
        SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE |
        (access == Access::kReadOnly ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
    sqlite3* handle = nullptr;
    int code = sqlite3_open_v2(path.c_str(), &handle, flags, nullptr);
    if (handle == nullptr) return fail(ErrorKind::kInternal, "open " + path + ": out of memory");
    std::unique_ptr<SqliteConnection> connection(new SqliteConnection(handle));
    if (code != SQLITE_OK) return sqlite_failure(handle, "open " + path);
    sqlite3_busy_timeout(handle, kBusyMilliseconds);
    // A text that images and clients influence is only ever bound, but a damaged file must not run code
    // either.
    sqlite3_db_config(handle, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
    sqlite3_db_config(handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
    const char* pages = access == Access::kReadOnly ? "PRAGMA cache_size=-128" : "PRAGMA cache_size=-512";
    for (const char* pragma :
         {pages, "PRAGMA mmap_size=0", "PRAGMA temp_store=MEMORY", "PRAGMA foreign_keys=ON"}) {
        BERTH_CHECK(connection->execute(pragma));
    }
    return connection;
}

SqliteConnection::~SqliteConnection() {
    for (auto& [sql, statement] : idle_) sqlite3_finalize(statement);
    sqlite3_close_v2(handle_);
}

Result<> SqliteConnection::execute(std::string_view sql) {
    std::string text(sql);
    if (sqlite3_exec(handle_, text.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) {
        return sqlite_failure(handle_, "database");
    }
    return {};
}

Result<std::string> SqliteConnection::query(std::string_view sql) {
    BERTH_TRY(Statement statement, prepare(sql));
    BERTH_TRY(bool row, statement.step());
    return row ? statement.text(0) : std::string();
}

void SqliteConnection::recycle(std::string sql, sqlite3_stmt* statement) {
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
    if (idle_.size() >= kIdleStatements || !idle_.try_emplace(std::move(sql), statement).second) {
        sqlite3_finalize(statement);
    }
}

}  // namespace berth::state
