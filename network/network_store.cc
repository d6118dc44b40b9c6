#include "network/network_store.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "engine/base/files.h"
#include "engine/base/ids.h"
#include "engine/base/log.h"
#include "network/network_json.h"

namespace berth::network {
namespace {

constexpr std::array<std::string_view, 2> kMigrations{
    "CREATE TABLE network_networks (name TEXT PRIMARY KEY, id TEXT NOT NULL UNIQUE, driver TEXT NOT NULL, "
    "created_at INTEGER NOT NULL) WITHOUT ROWID",
    "CREATE TABLE network_network (id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, document TEXT NOT NULL) "
    "WITHOUT ROWID, STRICT;"
    "INSERT INTO network_network SELECT id, name, json_object('id', id, 'name', name, 'driver', driver, "
    "'created', created_at) FROM network_networks;"
    "DROP TABLE network_networks"};

constexpr std::array<std::pair<const char*, const char*>, 3> kPredefined{
    {{"none", "null"}, {"host", "host"}, {"bridge", "bridge"}}};

}  // namespace

const state::Schema kSchema{"network", kMigrations};

Result<> NetworkStore::write_copy(const Network& network) {
    return replace_file(copy_of(network.id), render_network(network), 0600, Sync::kData);
}

Result<> NetworkStore::add(const Network& network) {
    BERTH_CHECK(database_.write(state::Durability::kFull, [&](state::Connection& connection) -> Result<> {
        BERTH_TRY(auto row, connection.prepare("INSERT INTO network_network VALUES (?, ?, ?)"));
        return row.bind(1, network.id).bind(2, network.name).bind(3, render_network(network)).run();
    }));
    return write_copy(network);
}

Result<> NetworkStore::remove(const std::string& id) {
    // First the copy: a crash in between leaves a row, which gets its copy back, never the reverse.
    const auto path = copy_of(id);
    if (::unlink(path.c_str()) != 0 && errno != ENOENT) return fail_errno("remove " + path);
    return database_.write(state::Durability::kFull, [&](state::Connection& connection) -> Result<> {
        BERTH_TRY(auto row, connection.prepare("DELETE FROM network_network WHERE id = ?"));
        return row.bind(1, id).run();
    });
}

Result<std::vector<Network>> NetworkStore::read_rows() {
    std::vector<Network> networks;
    BERTH_CHECK(database_.read([&](state::Connection& connection) -> Result<> {
        BERTH_TRY(auto rows, connection.prepare("SELECT document FROM network_network"));
        for (;;) {
            BERTH_TRY(const bool more, rows.step());
            if (!more) return {};
            BERTH_TRY(auto network, parse_network(rows.text(0)));
            networks.push_back(std::move(network));
        }
    }));
    return networks;
}

Result<> NetworkStore::bring_back(std::vector<Network>& networks) {
    BERTH_TRY(auto files, list_folder(folder_));
    for (const auto& network : networks)
        if (std::find(files.begin(), files.end(), network.id + ".json") == files.end())
            BERTH_CHECK(write_copy(network));
    for (const auto& file : files) {
        if (!file.ends_with(".json")) continue;
        const auto id = file.substr(0, file.size() - 5);
        const auto same = [&](const Network& network) { return network.id == id; };
        if (std::any_of(networks.begin(), networks.end(), same)) continue;
        BERTH_TRY(const auto text, read_file(folder_ + "/" + file));
        auto lost = parse_network(text);
        if (!lost || lost->id != id) {
            log::error("a network's copy cannot be used", {{"file", file}});
            continue;
        }
        if (auto added = add(*lost); !added) {
            log::error("a lost network cannot come back",
                       {{"network", lost->name}, {"error", added.error().message}});
            continue;
        }
        log::warning("network rebuilt from its copy", {{"network", lost->name}});
        networks.push_back(std::move(*lost));
    }
    return {};
}

Result<std::vector<Network>> NetworkStore::load() {
    BERTH_CHECK(make_folders(folder_, 0700));
    BERTH_TRY(auto networks, in("load networks", read_rows()));
    BERTH_CHECK(in("load networks", bring_back(networks)));
    for (const auto& [name, driver] : kPredefined) {
        const std::string wanted = name;
        if (std::any_of(networks.begin(), networks.end(),
                        [&](const Network& network) { return network.name == wanted; }))
            continue;
        Network network;
        network.name = wanted;
        network.id = new_id();
        network.driver = driver;
        network.created_at = now();
        BERTH_CHECK(in("make network " + wanted, add(network)));
        networks.push_back(std::move(network));
    }
    return networks;
}

}  // namespace berth::network
