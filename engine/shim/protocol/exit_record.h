#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "engine/base/result.h"

namespace berth::shim {

// How a container ended. On disk (BUNDLE/exit, one line, then the error text if there is any):
//   berth-exit 1 code=137 oom=0 at=1795218516062000000\n
//   error text
struct ExitRecord {
    int code = 0;  // 128+n for signal n
    bool oom_killed = false;
    std::int64_t exited_at = 0;  // nanoseconds since 1970
    std::string error;           // why, when it was not the process's own doing
    bool operator==(const ExitRecord&) const = default;
};

std::string format_exit_record(const ExitRecord& record);
// kDataLoss if `text` is no exit record.
Result<ExitRecord> parse_exit_record(std::string_view text);

// Whoever reads the file sees all of it or none. The state root is a tmpfs: rename is all the durability
// there is.
Result<> write_exit_record(const std::string& bundle, const ExitRecord& record);
// kNotFound when there is none.
Result<ExitRecord> read_exit_record(const std::string& bundle);

}  // namespace berth::shim
