#pragma once

#include <atomic>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/digest.h"
#include "engine/base/result.h"
#include "engine/base/time.h"
#include "engine/state/database.h"

namespace berth::image {

// A name in the store: "docker.io/library/busybox:latest", "docker.io/library/busybox@sha256:…", or
// "moby-dangling@sha256:…" for an image that has lost its last name.
struct NamedTarget {
    std::string name;
    Digest target;
    std::string media_type;
    Timestamp created_at{};
    std::string parent;  // the image that it was made of here, by its digest; "": none
};
inline constexpr std::string_view kDangling = "moby-dangling@";

// The table of names, with a JSON copy of each row in FOLDER/<sha256 of the name>.json. Durable when a call
// returns; any thread.
class References {
 public:
    static Result<std::unique_ptr<References>> open(state::Database& database, const std::string& folder);

    // Sets or moves a name.
    Result<> put(const NamedTarget& reference);
    Result<> remove(const std::string& name);  // a missing one is no error
    Result<std::optional<NamedTarget>> find(const std::string& name);
    Result<std::vector<NamedTarget>> list();
    // What the names of a target say of its parent.
    Result<std::string> parent_of(const Digest& target);
    // Grows with every change.
    std::uint64_t changes() const { return changes_; }
    // Whether open() found an empty table beside copies and filled it from them.
    bool rebuilt() const { return rebuilt_; }

 private:
    References(state::Database& database, std::string folder)
        : database_(database), folder_(std::move(folder)) {}
    Result<> rebuild();
    Result<> insert(const NamedTarget& reference);
    std::string copy_path(const std::string& name) const;

    state::Database& database_;
    std::string folder_;
    bool rebuilt_ = false;
    std::atomic<std::uint64_t> changes_{0};
};

}  // namespace berth::image
