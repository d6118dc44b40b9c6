#pragma once

#include <string>
#include <vector>

#include "engine/state/database.h"
#include "network/network_service.h"

namespace berth::network {

// Networks on disk: a row in the database and a copy in DATA/networks/ID.json, which brings the row back
// when the database was lost. Blocking; safe from any thread.
class NetworkStore {
 public:
    NetworkStore(state::Database& database, std::string data_dir)
        : database_(database), folder_(std::move(data_dir) + "/networks") {}

    // All of them. The predefined "none", "host" and "bridge" are made at the first start; their IDs and
    // dates never change after that.
    Result<std::vector<Network>> load();
    // Durable when they return. kConflict for a name that is taken.
    Result<> add(const Network& network);
    Result<> remove(const std::string& id);

 private:
    std::string copy_of(const std::string& id) const { return folder_ + "/" + id + ".json"; }
    Result<> write_copy(const Network& network);
    Result<std::vector<Network>> read_rows();
    Result<> bring_back(std::vector<Network>& networks);

    state::Database& database_;
    std::string folder_;
};

}  // namespace berth::network
