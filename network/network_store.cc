#include "network/network_store.h"

#include <array>

#include "engine/base/ids.h"

namespace berth::network {
namespace {

constexpr std::array<std::string_view, 1> kMigrations{
    "CREATE TABLE network_networks (name TEXT PRIMARY KEY, id TEXT NOT NULL UNIQUE, driver TEXT NOT NULL, "
    "created_at INTEGER NOT NULL) WITHOUT ROWID"};

constexpr std::array<std::pair<const char*, const char*>, 3> kPredefined{
    {{"none", "null"}, {"host", "host"}, {"bridge", "bridge"}}};

Result<> find(state::Connection& connection, const std::string& name, Network& network, bool& found) {
    BERTH_TRY(auto query,
              connection.prepare("SELECT id, driver, created_at FROM network_networks WHERE name = ?"));
    query.bind(1, name);
    BERTH_TRY(found, query.step());
    if (!found) return {};
    network.name = name;
    network.id = query.text(0);
    network.driver = query.text(1);
    network.created_at = Timestamp(std::chrono::nanoseconds(query.number(2)));
    return {};
}

Result<> insert(state::Connection& connection, const Network& network) {
    BERTH_TRY(auto statement, connection.prepare("INSERT INTO network_networks VALUES (?, ?, ?, ?)"));
    statement.bind(1, network.name).bind(2, network.id).bind(3, network.driver);
    statement.bind(4, static_cast<std::int64_t>(network.created_at.time_since_epoch().count()));
    return statement.run();
}

}  // namespace

const state::Schema kSchema{"network", kMigrations};

Result<std::vector<Network>> load_networks(state::Database& database) {
    std::vector<Network> networks;
    BERTH_CHECK(
        in("load networks", database.write(state::Durability::kFull, [&](state::Connection& connection) {
            networks.clear();
            for (const auto& [name, driver] : kPredefined) {
                Network network;
                bool found = false;
                if (auto result = find(connection, name, network, found); !result) return result;
                if (!found) {
                    network.name = name;
                    network.id = new_id();
                    network.driver = driver;
                    network.created_at = now();
                    if (auto result = insert(connection, network); !result) return result;
                }
                networks.push_back(std::move(network));
            }
            return Result<>{};
        })));
    return networks;
}

}  // namespace berth::network
