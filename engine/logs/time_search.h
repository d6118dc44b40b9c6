#pragma once

#include <cstdint>
#include <optional>

#include "engine/logs/file_reader.h"

namespace berth::logs {

// The time of the first record of a file; nothing for one without a record.
Result<std::optional<Timestamp>> first_time(int fd, const Codec& codec);

// A place in a file, at the beginning of a record, before which there are only records from before `since`:
// near the first that is not, and found by halving. Records are taken to be in the order of their times.
Result<std::uint64_t> find_since(int fd, const Codec& codec, Timestamp since);

}  // namespace berth::logs
