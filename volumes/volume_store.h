#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "engine/state/database.h"
#include "volumes/volume_service.h"

namespace berth::volumes {

using Users = std::map<std::string, std::set<std::string>>;  // volume -> containers

// The rows of volumes and of who uses them. Every change is durable when the call returns.
class VolumeStore {
 public:
    explicit VolumeStore(state::Database& database) : database_(database) {}

    // Makes the rows those of `volumes`; uses of volumes that are not among them go.
    Result<> reset(const std::vector<Volume>& volumes);
    Result<Users> load_users();
    Result<> insert(const Volume& volume);
    Result<> remove(const std::string& name);
    Result<> add_user(const std::string& name, const std::string& container);
    Result<> remove_user(const std::string& container);

 private:
    state::Database& database_;
};

}  // namespace berth::volumes
