#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "engine/state/database.h"
#include "volumes/volume_service.h"

namespace berth::volumes {

using Users = std::map<std::string, std::set<std::string>>;  // volume -> containers

// The rows of volumes, of who uses them, and of who has them mounted. They survive a crash of the daemon, not
// of the machine: the folders say which volumes there are, and the containers' records who uses them.
class VolumeStore {
 public:
    explicit VolumeStore(state::Database& database) : database_(database) {}

    // Makes the rows those of `volumes`; uses of volumes that are not among them go.
    Result<> reset(const std::vector<Volume>& volumes);
    enum class Relation { kUse, kMount };
    Result<Users> load(Relation relation);
    Result<> add(Relation relation, const std::string& name, const std::string& container);
    Result<> remove_user(const std::string& container);
    Result<> remove_mount(const std::string& name, const std::string& container);
    Result<> replace_users(const Users& users);
    Result<> insert(const Volume& volume);
    Result<> remove(const std::string& name);

 private:
    state::Database& database_;
};

}  // namespace berth::volumes
