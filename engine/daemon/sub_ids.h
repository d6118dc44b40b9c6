#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/result.h"

// /etc/subuid and /etc/subgid: "USER-OR-UID:FIRST:COUNT" a line.
namespace berth::daemon {

struct SubIds {
    std::string user;
    std::uint32_t first = 0, count = 0;
    bool operator==(const SubIds&) const = default;
};

// Empty lines and comments are none; what is malformed is an error that shows the line.
Result<std::vector<SubIds>> parse_sub_ids(std::string_view text);
// Those of one user, by his name and by his number, in the file's order. A missing file has none.
Result<std::vector<SubIds>> read_sub_ids(const std::string& path, const std::string& name, uid_t uid);
// Where the next range of `count` ids fits behind those that are given away, from 100000 on.
std::uint32_t next_sub_ids(std::vector<SubIds> taken, std::uint32_t count);

}  // namespace berth::daemon
