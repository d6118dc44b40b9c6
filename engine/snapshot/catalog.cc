#include "engine/snapshot/catalog.h"

#include <fmt/format.h>

#include "engine/snapshot/snapshotter.h"

namespace berth::snapshot {

namespace {

constexpr std::string_view kMigrations[] = {
    "CREATE TABLE snapshot_entry ("
    "  id INTEGER PRIMARY KEY,"
    "  key TEXT NOT NULL UNIQUE,"
    "  parent TEXT NOT NULL,"
    "  committed INTEGER NOT NULL"
    ") STRICT;"
    "CREATE INDEX snapshot_parent ON snapshot_entry (parent)",
    "ALTER TABLE snapshot_entry ADD COLUMN unsettled TEXT NOT NULL DEFAULT ''"};

using state::Connection;
using state::Durability;
using state::Statement;

Record read_row(const Statement& row) {
    return {row.number(0), row.text(1), row.text(2), row.number(3) != 0, row.text(4)};
}

Result<Record> find_in(Connection& connection, const std::string& key) {
    BERTH_TRY(
        Statement query,
        connection.prepare("SELECT id, key, parent, committed, unsettled FROM snapshot_entry WHERE key = ?"));
    query.bind(1, key);
    BERTH_TRY(bool found, query.step());
    if (!found) return fail(ErrorKind::kNotFound, fmt::format("snapshot {} does not exist: not found", key));
    return read_row(query);
}

Result<> check_parent(Connection& connection, const std::string& key) {
    BERTH_TRY(Record parent, find_in(connection, key));
    if (parent.committed) return {};
    return fail(ErrorKind::kNotFound, fmt::format("parent {} is not a committed snapshot", parent.key));
}

Result<> insert(Connection& connection, const Record& record) {
    BERTH_TRY(Statement add, connection.prepare("INSERT INTO snapshot_entry VALUES (?, ?, ?, ?, ?)"));
    add.bind(1, record.id).bind(2, record.key).bind(3, record.parent).bind(4, record.committed ? 1 : 0);
    add.bind(5, record.unsettled);
    auto added = add.run();
    if (!added && added.error().kind == ErrorKind::kConflict) {
        return fail(ErrorKind::kConflict, fmt::format("snapshot {}: already exists", record.key));
    }
    return added;
}

Result<> rename(Connection& connection, std::int64_t id, const std::string& name, const std::string& parent,
                const std::string& boot) {
    BERTH_TRY(
        Statement update,
        connection.prepare("UPDATE snapshot_entry SET key = ?, parent = ?, committed = 1, unsettled = ? "
                           "WHERE id = ?"));
    return update.bind(1, name).bind(2, parent).bind(3, boot).bind(4, id).run();
}

Result<> erase(Connection& connection, std::int64_t id) {
    BERTH_TRY(Statement remove, connection.prepare("DELETE FROM snapshot_entry WHERE id = ?"));
    return remove.bind(1, id).run();
}

// Of an active snapshot its container's record decides, which is committed after it is made and before it
// goes.
Durability durability_of(const std::string& key) {
    return key.starts_with("sha256:") ? Durability::kFull : Durability::kNormal;
}

}  // namespace

const state::Schema kSchema{"snapshot", kMigrations};

Result<> Catalog::add(const Record& record) {
    return database_.write(record.committed ? Durability::kFull : Durability::kNormal,
                           [&](Connection& connection) { return add_in(connection, record); });
}

Result<> Catalog::add_in(Connection& connection, const Record& record) {
    if (!record.parent.empty()) BERTH_CHECK(check_parent(connection, record.parent));
    return insert(connection, record);
}

Result<> Catalog::commit(const std::string& key, const std::string& name,
                         const std::optional<std::string>& parent, const std::string& boot) {
    return database_.write(Durability::kNormal, [&](Connection& connection) -> Result<> {
        BERTH_TRY(Record record, find_in(connection, key));
        if (record.committed) {
            return fail(ErrorKind::kConflict, fmt::format("snapshot {} is committed already", key));
        }
        if (parent) BERTH_CHECK(check_parent(connection, *parent));
        auto renamed = rename(connection, record.id, name, parent ? *parent : record.parent, boot);
        if (!renamed && renamed.error().kind == ErrorKind::kConflict) {
            return fail(ErrorKind::kConflict, fmt::format("snapshot {}: already exists", name));
        }
        return renamed;
    });
}

Result<Record> Catalog::remove(const std::string& key) {
    Record record;
    BERTH_CHECK(database_.write(durability_of(key), [&](Connection& connection) -> Result<> {
        BERTH_TRY(record, find_in(connection, key));
        BERTH_TRY(Statement child,
                  connection.prepare("SELECT 1 FROM snapshot_entry WHERE parent = ? LIMIT 1"));
        child.bind(1, key);
        BERTH_TRY(bool has_child, child.step());
        if (has_child) {
            return fail(ErrorKind::kConflict, fmt::format("cannot remove snapshot {} with child", key));
        }
        return erase(connection, record.id);
    }));
    return record;
}

Result<Record> Catalog::replace(const std::string& key, const std::string& name, const std::string& boot) {
    Record replaced;
    BERTH_CHECK(database_.write(Durability::kFull, [&](Connection& connection) -> Result<> {
        BERTH_TRY(replaced, find_in(connection, name));
        BERTH_TRY(const Record fresh, find_in(connection, key));
        BERTH_CHECK(erase(connection, replaced.id));
        return rename(connection, fresh.id, name, replaced.parent, boot);
    }));
    return replaced;
}

Result<> Catalog::settle(const std::vector<Record>& records) {
    return database_.write(Durability::kNormal, [&](Connection& connection) -> Result<> {
        BERTH_TRY(Statement update,
                  connection.prepare("UPDATE snapshot_entry SET unsettled = '' WHERE id = ?"));
        for (const Record& record : records) BERTH_CHECK(update.bind(1, record.id).run());
        return {};
    });
}

Result<Record> Catalog::find(const std::string& key) {
    Record record;
    BERTH_CHECK(database_.read([&](Connection& connection) -> Result<> {
        BERTH_TRY(record, find_in(connection, key));
        return {};
    }));
    return record;
}

Result<std::vector<Record>> Catalog::chain(const std::string& key) {
    std::vector<Record> records;
    BERTH_CHECK(database_.read([&](Connection& connection) -> Result<> {
        for (std::string next = key; !next.empty(); next = records.back().parent) {
            BERTH_TRY(Record record, find_in(connection, next));
            records.push_back(std::move(record));
        }
        return {};
    }));
    return records;
}

Result<std::vector<Record>> Catalog::all() {
    std::vector<Record> records;
    BERTH_CHECK(database_.read([&](Connection& connection) -> Result<> {
        BERTH_TRY(Statement query,
                  connection.prepare(
                      "SELECT id, key, parent, committed, unsettled FROM snapshot_entry ORDER BY id"));
        while (true) {
            BERTH_TRY(bool row, query.step());
            if (!row) return {};
            records.push_back(read_row(query));
        }
    }));
    return records;
}

}  // namespace berth::snapshot
