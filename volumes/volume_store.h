#pragma once

#include <map>
#include <set>
#include <string>

#include "engine/state/database.h"

namespace berth::volumes {

using Users = std::map<std::string, std::set<std::string>>;  // volume -> containers

// The rows of who uses volumes, and of who has them mounted. They survive a crash of the daemon, not of the
// machine: the folders say which volumes there are, and the containers' records who uses them.
class VolumeStore {
 public:
    explicit VolumeStore(state::Database& database) : database_(database) {}

    enum class Relation { kUse, kMount };
    Result<Users> load(Relation relation);
    Result<> add(Relation relation, const std::string& name, const std::string& container);
    Result<> remove_user(const std::string& container);
    Result<> remove_mount(const std::string& name, const std::string& container);
    Result<> replace_users(const Users& users);
    // Every row of the volume.
    Result<> remove(const std::string& name);

 private:
    state::Database& database_;
};

}  // namespace berth::volumes
