#include "engine/state/database.h"

#include <fcntl.h>
#include <unistd.h>

#include <mutex>
#include <vector>

#include "engine/base/files.h"
#include "engine/base/log.h"
#include "engine/base/time.h"
#include "engine/state/migrate.h"
#include "engine/state/sqlite.h"
#include "engine/state/writer.h"

namespace berth::state {

namespace {

constexpr std::size_t kIdleReaders = 4;

class SqliteDatabase final : public Database {
 public:
    SqliteDatabase(std::string path, std::unique_ptr<SqliteConnection> connection)
        : path_(std::move(path)), writer_(std::move(connection)) {}

    Result<> write(Durability durability, std::function<Result<>(Connection&)> work) override {
        return writer_.write(durability, work);
    }

    Result<> read(std::function<Result<>(Connection&)> work) override {
        BERTH_TRY(std::unique_ptr<SqliteConnection> reader, take_reader());
        BERTH_CHECK(reader->execute("BEGIN"));
        auto result = work(*reader);
        BERTH_CHECK(reader->execute("COMMIT"));
        // A reader that failed in any other way is closed, not kept.
        give_back(std::move(reader));
        return result;
    }

 private:
    Result<std::unique_ptr<SqliteConnection>> take_reader() {
        {
            std::lock_guard lock(mutex_);
            if (!readers_.empty()) {
                auto reader = std::move(readers_.back());
                readers_.pop_back();
                return reader;
            }
        }
        return SqliteConnection::open(path_, SqliteConnection::Access::kReadOnly);
    }

    void give_back(std::unique_ptr<SqliteConnection> reader) {
        std::lock_guard lock(mutex_);
        if (readers_.size() < kIdleReaders) readers_.push_back(std::move(reader));
    }

    std::string path_;
    // Before the readers, so that its connection is closed after theirs: only the last one to close, and only
    // one that may write, folds the log into the file.
    Writer writer_;
    std::mutex mutex_;
    std::vector<std::unique_ptr<SqliteConnection>> readers_;
};

// "20261121T014102Z"
std::string compact_time() {
    std::string text = format_rfc3339_nano(std::chrono::floor<std::chrono::seconds>(now()));
    std::erase_if(text, [](char c) { return c == '-' || c == ':'; });
    return text;
}

Result<std::string> move_aside(const std::string& path) {
    std::string stem = path + ".damaged-" + compact_time();
    std::string target = stem;
    for (int n = 1; exists(target); ++n) target = stem + "-" + std::to_string(n);
    if (::rename(path.c_str(), target.c_str()) != 0) return fail_errno("move " + path + " aside");
    // The log belongs to the file it was written for; the index of the log means nothing without a reader.
    if (::rename((path + "-wal").c_str(), (target + "-wal").c_str()) != 0 && errno != ENOENT) {
        return fail_errno("move " + path + "-wal aside");
    }
    ::unlink((path + "-shm").c_str());
    return target;
}

}  // namespace

Result<std::unique_ptr<Database>> Database::open(const std::string& path, std::span<const Schema> schemas) {
    // SQLite would create it with the umask's mode; -wal and -shm take over the mode of the file.
    BERTH_CHECK(open_file(path, O_RDWR | O_CREAT | O_NOFOLLOW, 0600));
    auto open = [&]() -> Result<std::unique_ptr<SqliteConnection>> {
        BERTH_TRY(auto connection, SqliteConnection::open(path, SqliteConnection::Access::kReadWrite));
        BERTH_TRY(std::string mode, connection->query("PRAGMA journal_mode=WAL"));
        if (mode != "wal") return fail(ErrorKind::kInternal, "no write-ahead log on this file system");
        BERTH_CHECK(connection->execute("PRAGMA synchronous=FULL; PRAGMA journal_size_limit=4194304"));
        BERTH_TRY(std::string check, connection->query("PRAGMA quick_check(1)"));
        if (check != "ok") return fail(ErrorKind::kDataLoss, check);
        BERTH_CHECK(migrate(*connection, schemas));
        return connection;
    };
    BERTH_TRY(auto connection, in("database " + path, open()));
    return std::unique_ptr<Database>(std::make_unique<SqliteDatabase>(path, std::move(connection)));
}

Result<Reopened> open_or_replace(const std::string& path, std::span<const Schema> schemas) {
    auto opened = Database::open(path, schemas);
    if (opened) return Reopened{std::move(*opened), ""};
    if (opened.error().kind != ErrorKind::kDataLoss) return Failure(std::move(opened.error()));
    BERTH_TRY(std::string damaged, move_aside(path));
    log::error("the database was damaged: moved aside, rebuilding from the copies beside it",
               {{"error", opened.error().message}, {"file", damaged}});
    BERTH_TRY(auto fresh, Database::open(path, schemas));
    return Reopened{std::move(fresh), std::move(damaged)};
}

}  // namespace berth::state
