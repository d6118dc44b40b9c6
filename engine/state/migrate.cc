#include "engine/state/migrate.h"

#include <fmt/format.h>

namespace berth::state {

namespace {

constexpr std::string_view kBookkeeping =
    "CREATE TABLE IF NOT EXISTS berth_schema (name TEXT PRIMARY KEY, version INTEGER NOT NULL) STRICT";

Result<std::size_t> version_of(SqliteConnection& connection, std::string_view name) {
    BERTH_TRY(Statement query, connection.prepare("SELECT version FROM berth_schema WHERE name = ?"));
    query.bind(1, name);
    BERTH_TRY(bool found, query.step());
    return found ? static_cast<std::size_t>(query.number(0)) : 0;
}

Result<> run_migration(SqliteConnection& connection, const Schema& schema, std::size_t version) {
    BERTH_CHECK(connection.execute(schema.migrations[version]));
    BERTH_TRY(Statement record, connection.prepare("INSERT INTO berth_schema (name, version) VALUES (?1, ?2) "
                                                   "ON CONFLICT (name) DO UPDATE SET version = ?2"));
    record.bind(1, schema.name).bind(2, static_cast<std::int64_t>(version + 1));
    return record.run();
}

Result<> bring_up_to_date(SqliteConnection& connection, const Schema& schema) {
    BERTH_TRY(std::size_t version, version_of(connection, schema.name));
    for (; version < schema.migrations.size(); ++version) {
        BERTH_CHECK(connection.execute("BEGIN IMMEDIATE"));
        if (auto done = run_migration(connection, schema, version); !done) {
            // The error of the migration is the one to tell.
            (void)connection.execute("ROLLBACK").has_value();
            return in(fmt::format("migrate {} to version {}", schema.name, version + 1), std::move(done));
        }
        BERTH_CHECK(connection.execute("COMMIT"));
    }
    return {};
}

}  // namespace

Result<> migrate(SqliteConnection& connection, std::span<const Schema> schemas) {
    BERTH_CHECK(connection.execute(kBookkeeping));
    for (const Schema& schema : schemas) {
        BERTH_TRY(std::size_t version, version_of(connection, schema.name));
        if (version > schema.migrations.size()) {
            return fail(ErrorKind::kConflict,
                        fmt::format("the database was written by a newer version: {} is at {}, known is {}",
                                    schema.name, version, schema.migrations.size()));
        }
    }
    for (const Schema& schema : schemas) BERTH_CHECK(bring_up_to_date(connection, schema));
    return {};
}

}  // namespace berth::state
