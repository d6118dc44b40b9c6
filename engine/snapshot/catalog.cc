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
    "CREATE INDEX snapshot_parent ON snapshot_entry (parent)"};

using state::Connection;
using state::Durability;
using state::Statement;

Record read_row(const Statement& row) {
    return {row.number(0), row.text(1), row.text(2), row.number(3) != 0};
}

Result<Record> find_in(Connection& connection, const std::string& key) {
    BERTH_TRY(Statement query,
              connection.prepare("SELECT id, key, parent, committed FROM snapshot_entry WHERE key = ?"));
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
    BERTH_TRY(Statement add, connection.prepare("INSERT INTO snapshot_entry VALUES (?, ?, ?, ?)"));
    add.bind(1, record.id).bind(2, record.key).bind(3, record.parent).bind(4, record.committed ? 1 : 0);
    auto added = add.run();
    if (!added && added.error().kind == ErrorKind::kConflict) {
        return fail(ErrorKind::kConflict, fmt::format("snapshot {}: already exists", record.key));
    }
    return added;
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
                           [&](Connection& connection) -> Result<> {
                               if (!record.parent.empty())
                                   BERTH_CHECK(check_parent(connection, record.parent));
                               return insert(connection, record);
                           });
}

Result<> Catalog::commit(const std::string& key, const std::string& name,
                         const std::optional<std::string>& parent) {
    return database_.write(Durability::kFull, [&](Connection& connection) -> Result<> {
        BERTH_TRY(Record record, find_in(connection, key));
        if (record.committed) {
            return fail(ErrorKind::kConflict, fmt::format("snapshot {} is committed already", key));
        }
        if (parent) BERTH_CHECK(check_parent(connection, *parent));
        BERTH_TRY(
            Statement rename,
            connection.prepare("UPDATE snapshot_entry SET key = ?, parent = ?, committed = 1 WHERE id = ?"));
        rename.bind(1, name).bind(2, parent ? *parent : record.parent).bind(3, record.id);
        auto renamed = rename.run();
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
        BERTH_TRY(Statement remove, connection.prepare("DELETE FROM snapshot_entry WHERE id = ?"));
        return remove.bind(1, record.id).run();
    }));
    return record;
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
                  connection.prepare("SELECT id, key, parent, committed FROM snapshot_entry ORDER BY id"));
        while (true) {
            BERTH_TRY(bool row, query.step());
            if (!row) return {};
            records.push_back(read_row(query));
        }
    }));
    return records;
}

}  // namespace berth::snapshot
