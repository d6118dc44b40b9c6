#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "engine/async/blocking_pool.h"
#include "engine/container/model.h"
#include "engine/state/database.h"

namespace berth::container {

// Every container, in memory as shared values and on disk in the database and DATA/containers/ID/config.json.
// Io thread only; reading never waits.
class Store {
 public:
    Store(state::Database& database, async::BlockingPool& pool, std::string data_root);

    // Reads the database; containers that it lost come back from their config.json, but for one whose record
    // nobody waited for, while others have theirs. Blocking; once, before the rest. Returns the IDs of
    // folders that belong to no container: creates and removals that were cut in two.
    Result<std::vector<std::string>> load();

    // By ID, name (with or without the slash), another's link ("web/data") or unambiguous ID prefix: "No such
    // container: REF", or kInvalidArgument "multiple IDs found with provided prefix: REF".
    Result<ContainerPtr> find(const std::string& ref) const;
    ContainerPtr get(const std::string& id) const;  // null when there is none
    std::vector<ContainerPtr> list() const;         // newest first

    // A name is held from here until the container has it or release_name(). Docker's conflict text
    // otherwise.
    Result<> reserve_name(const std::string& name, const std::string& id);
    void release_name(const std::string& name, const std::string& id);

    // Durable when they return, but for a container that a restart of the machine would remove anyway;
    // visible to readers from then on. rename() moves the reserved name as well. `with`, if there is one,
    // runs in the same transaction.
    Async<Result<>> add(Container container, std::function<Result<>(state::Connection&)> with = {});
    Async<Result<>> rename(std::string id, std::string name);
    // Another record for the container of this ID; its state stays. The caller holds the container's lock.
    Async<Result<>> update(Container container);
    // No row and no config.json when it returns; the name is free.
    Async<Result<>> erase(std::string id);

    // For readers alone: what is on the way to disk, or need not get there ("removing").
    ContainerPtr set_state(const std::string& id, State state);
    // Visible at once, on disk (kNormal) when it returns. The caller holds the container's lock.
    Async<Result<>> save_state(std::string id, State state);

    std::string folder(const std::string& id) const { return data_root_ + "/containers/" + id; }

 private:
    ContainerPtr replace(Container container);
    ContainerPtr find_linked(std::string_view name) const;

    state::Database& database_;
    async::BlockingPool& pool_;
    std::string data_root_;
    std::map<std::string, ContainerPtr> by_id_;
    std::map<std::string, std::string, std::less<>> names_;  // name -> id
};

extern const state::Schema kSchema;

}  // namespace berth::container
