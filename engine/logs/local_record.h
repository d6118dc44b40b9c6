#pragma once

#include <string>
#include <string_view>

#include "engine/logs/file_reader.h"
#include "engine/logs/pieces.h"

namespace berth::logs {

// One record of Docker's "local" driver, byte for byte:
//   size (4 bytes, big endian) | LogEntry in protobuf | the same size again
//   LogEntry: 1 source "stdout"  2 time in ns  3 line without newline  4 partial  5 {1 last  2 id  3 ordinal}
void append_local_record(std::string& out, Stream stream, Timestamp time, std::string_view line,
                         const Piece& piece);

// The record at the front of `bytes`. What is no record is passed over to where one begins.
Taken take_local_record(std::string_view bytes, Record& record);

// As find_tail(), for files of these records: backwards from size to size, and from the front if that leads
// nowhere.
Result<TailPosition> find_local_tail(int fd, std::uint64_t records);

}  // namespace berth::logs
