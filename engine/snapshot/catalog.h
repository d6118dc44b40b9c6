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
};

// The table of snapshots. Every change is on disk when the call returns.
class Catalog {
 public:
    explicit Catalog(state::Database& database) : database_(database) {}

    // kConflict "snapshot KEY: already exists"; kNotFound when the parent is not there or not committed.
    Result<> add(const Record& record);
    // `parent`: what it stands on from now on, with add()'s errors; nothing: what it stood on.
    Result<> commit(const std::string& key, const std::string& name,
                    const std::optional<std::string>& parent = {});
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
