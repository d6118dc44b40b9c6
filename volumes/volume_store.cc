#include "volumes/volume_store.h"

#include <array>

#include "volumes/volume_service.h"

namespace berth::volumes {

namespace {

constexpr std::array<std::string_view, 3> kMigrations{
    "CREATE TABLE volume_volumes (name TEXT PRIMARY KEY, record TEXT NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE volume_users (name TEXT NOT NULL, container TEXT NOT NULL, PRIMARY KEY (name, container)) "
    "WITHOUT ROWID;"
    "CREATE INDEX volume_users_container ON volume_users (container);",
    "CREATE TABLE volume_mounts (name TEXT NOT NULL, container TEXT NOT NULL, PRIMARY KEY (name, container)) "
    "WITHOUT ROWID;",
    "DROP TABLE volume_volumes;"};

Result<> run(state::Connection& connection, std::string_view sql, std::string_view value) {
    BERTH_TRY(auto statement, connection.prepare(sql));
    return statement.bind(1, value).run();
}

}  // namespace

const state::Schema kSchema{"volume", kMigrations};

Result<Users> VolumeStore::load(Relation relation) {
    Users out;
    BERTH_CHECK(database_.read([&](state::Connection& connection) -> Result<> {
        const bool uses = relation == Relation::kUse;
        BERTH_TRY(auto rows, connection.prepare(uses ? "SELECT name, container FROM volume_users"
                                                     : "SELECT name, container FROM volume_mounts"));
        for (;;) {
            BERTH_TRY(const bool more, rows.step());
            if (!more) return {};
            out[rows.text(0)].insert(rows.text(1));
        }
    }));
    return out;
}

Result<> VolumeStore::remove(const std::string& name) {
    return database_.write(state::Durability::kNormal, [&](state::Connection& connection) -> Result<> {
        BERTH_CHECK(run(connection, "DELETE FROM volume_mounts WHERE name = ?", name));
        return run(connection, "DELETE FROM volume_users WHERE name = ?", name);
    });
}

Result<> VolumeStore::add(Relation relation, const std::string& name, const std::string& container) {
    const bool uses = relation == Relation::kUse;
    return database_.write(state::Durability::kNormal, [&](state::Connection& connection) -> Result<> {
        BERTH_TRY(auto row, connection.prepare(
                                uses ? "INSERT OR IGNORE INTO volume_users (name, container) VALUES (?,?)"
                                     : "INSERT OR IGNORE INTO volume_mounts (name, container) VALUES (?,?)"));
        return row.bind(1, name).bind(2, container).run();
    });
}

Result<> VolumeStore::remove_user(const std::string& container) {
    return database_.write(state::Durability::kNormal, [&](state::Connection& connection) {
        return run(connection, "DELETE FROM volume_users WHERE container = ?", container);
    });
}

Result<> VolumeStore::remove_mount(const std::string& name, const std::string& container) {
    return database_.write(state::Durability::kNormal, [&](state::Connection& connection) -> Result<> {
        BERTH_TRY(auto row, connection.prepare("DELETE FROM volume_mounts WHERE name = ? AND container = ?"));
        return row.bind(1, name).bind(2, container).run();
    });
}

Result<> VolumeStore::replace_users(const Users& users) {
    return database_.write(state::Durability::kNormal, [&](state::Connection& connection) -> Result<> {
        BERTH_CHECK(connection.execute("DELETE FROM volume_users"));
        for (const auto& [name, containers] : users) {
            for (const auto& container : containers) {
                BERTH_TRY(auto row,
                          connection.prepare("INSERT INTO volume_users (name, container) VALUES (?,?)"));
                BERTH_CHECK(row.bind(1, name).bind(2, container).run());
            }
        }
        return {};
    });
}

}  // namespace berth::volumes
