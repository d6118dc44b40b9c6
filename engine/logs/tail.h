#pragma once

#include <cstdint>

#include "engine/base/result.h"

namespace berth::logs {

struct TailPosition {
    std::uint64_t offset = 0;  // where the last `found` whole lines begin
    std::uint64_t found = 0;   // fewer than asked for: the file has no more
};
// Looks for the last `lines` lines of a file from its end, block by block; what follows the last newline is
// being written and does not count.
Result<TailPosition> find_tail(int fd, std::uint64_t lines);

}  // namespace berth::logs
