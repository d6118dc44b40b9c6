#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/result.h"
#include "engine/state/database.h"

namespace berth::snapshot {

// One row: a snapshot and the number of its folder.
struct Record {
    std::int64_t id = 0;
    std::string key;
    std::string parent;
    bool committed = false;
    // Of a committed one whose files may not be on disk yet: the boot in which they were written.
    std::string unsettled{};
};

// The table of snapshots. What is added or committed is on disk with the database's next durable transaction,
// what is removed when the call returns (of an active snapshot: with the next one).
class Catalog {
 public:
    explicit Catalog(state::Database& database) : database_(database) {}

    // kConflict "snapshot KEY: already exists"; kNotFound when the parent is not there or not committed.
    Result<> add(const Record& record);
    // The same in a transaction of the caller's.
    static Result<> add_in(state::Connection& connection, const Record& record);
    // `parent`: what it stands on from now on, with add()'s errors; nothing: what it stood on. Its files were
    // written in `boot`.
    Result<> commit(const std::string& key, const std::string& name, const std::optional<std::string>& parent,
                    const std::string& boot);
    // Active `key` becomes committed `name` in the place of the one that is, which is returned.
    Result<Record> replace(const std::string& key, const std::string& name, const std::string& boot);
    // The files of these are on disk.
    Result<> settle(const std::vector<Record>& records);
    // The record that was there. kNotFound; kConflict while it has children.
    Result<Record> remove(const std::string& key);
    Result<Record> find(const std::string& key);
    // `key`, its parent, the parent's parent, …, read in one transaction.
    Result<std::vector<Record>> chain(const std::string& key);
    Result<std::vector<Record>> all();

 private:
    state::Database& database_;
};

}  // namespace berth::snapshot
