#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/archive/tar_header.h"

namespace berth::archive {

// Extended header records: "LENGTH KEY=VALUE\n", LENGTH counting all of it.
struct PaxRecords {
    std::vector<std::pair<std::string, std::string>> records;  // as they come; a later one of a key counts
    // The value of the last record of `key`; "" when there is none (an empty value means "as if absent").
    std::string_view find(std::string_view key) const;
    // GNU sparse 0.0 repeats offset and numbytes; as one "o,n,o,n" map as 0.1 has it.
    std::string sparse_map;
};

Result<PaxRecords> parse_pax(std::string_view text);
// What the records say replaces what the header block said, but for sparse maps.
Result<> apply_pax(const PaxRecords& pax, Header& header);

// A piece of a sparse file that has data.
struct Extent {
    std::uint64_t offset = 0;
    std::uint64_t length = 0;
};

// Comma- or newline-separated decimal numbers, as offset and length in turn.
Result<std::vector<Extent>> parse_extents(std::string_view text, char separator);
Result<std::int64_t> parse_decimal(std::string_view text);

}  // namespace berth::archive
