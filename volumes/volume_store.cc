#include "volumes/volume_store.h"

#include <array>

#include "volumes/record.h"

namespace berth::volumes {

namespace {

constexpr std::array<std::string_view, 1> kMigrations{
    "CREATE TABLE volume_volumes (name TEXT PRIMARY KEY, record TEXT NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE volume_users (name TEXT NOT NULL, container TEXT NOT NULL, PRIMARY KEY (name, container)) "
    "WITHOUT ROWID;"
    "CREATE INDEX volume_users_container ON volume_users (container);"};

Result<> put(state::Connection& connection, const Volume& volume) {
    BERTH_TRY(auto row, connection.prepare("INSERT INTO volume_volumes (name, record) VALUES (?,?)"));
    return row.bind(1, volume.name).bind(2, render_record(volume)).run();
}

Result<> run(state::Connection& connection, std::string_view sql, std::string_view value) {
    BERTH_TRY(auto statement, connection.prepare(sql));
    return statement.bind(1, value).run();
}

}  // namespace

const state::Schema kSchema{"volume", kMigrations};

Result<> VolumeStore::reset(const std::vector<Volume>& volumes) {
    return database_.write(state::Durability::kFull, [&](state::Connection& connection) -> Result<> {
        BERTH_CHECK(connection.execute("DELETE FROM volume_volumes"));
        for (const auto& volume : volumes) BERTH_CHECK(put(connection, volume));
        return connection.execute(
            "DELETE FROM volume_users WHERE name NOT IN (SELECT name FROM volume_volumes)");
    });
}

Result<Users> VolumeStore::load_users() {
    Users out;
    BERTH_CHECK(database_.read([&](state::Connection& connection) -> Result<> {
        BERTH_TRY(auto rows, connection.prepare("SELECT name, container FROM volume_users"));
        for (;;) {
            BERTH_TRY(const bool more, rows.step());
            if (!more) return {};
            out[rows.text(0)].insert(rows.text(1));
        }
    }));
    return out;
}

Result<> VolumeStore::insert(const Volume& volume) {
    return database_.write(state::Durability::kFull,
                           [&](state::Connection& connection) { return put(connection, volume); });
}

Result<> VolumeStore::remove(const std::string& name) {
    return database_.write(state::Durability::kFull, [&](state::Connection& connection) -> Result<> {
        BERTH_CHECK(run(connection, "DELETE FROM volume_volumes WHERE name = ?", name));
        return run(connection, "DELETE FROM volume_users WHERE name = ?", name);
    });
}

Result<> VolumeStore::add_user(const std::string& name, const std::string& container) {
    return database_.write(state::Durability::kFull, [&](state::Connection& connection) -> Result<> {
        BERTH_TRY(auto row,
                  connection.prepare("INSERT OR IGNORE INTO volume_users (name, container) VALUES (?,?)"));
        return row.bind(1, name).bind(2, container).run();
    });
}

Result<> VolumeStore::remove_user(const std::string& container) {
    return database_.write(state::Durability::kFull, [&](state::Connection& connection) {
        return run(connection, "DELETE FROM volume_users WHERE container = ?", container);
    });
}

}  // namespace berth::volumes
