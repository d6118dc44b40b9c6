#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/result.h"

namespace berth {

struct IdRange {
    std::uint32_t inside = 0, outside = 0, count = 0;
    bool operator==(const IdRange&) const = default;
};

struct Owner {
    uid_t uid = 0;
    gid_t gid = 0;
    bool operator==(const Owner&) const = default;
};

// Which users and groups of a user namespace are which of the host's. Empty: there is no such namespace, and
// every id is itself.
struct IdMaps {
    std::vector<IdRange> uids, gids;

    bool empty() const { return uids.empty() && gids.empty(); }
    // Whoever is root inside.
    Owner root() const;
    // kInvalidArgument for what is not mapped: "container ID 70000 cannot be mapped to a host ID".
    Result<Owner> outside(Owner inside) const;
    // What is not mapped is what the kernel shows inside: 65534.
    Owner inside(Owner outside) const;

    // "0:100000:65536,…;0:100000:65536,…", users before groups; "" for no maps.
    std::string text() const;
    static Result<IdMaps> parse(std::string_view text);
    bool operator==(const IdMaps&) const = default;
};

}  // namespace berth
