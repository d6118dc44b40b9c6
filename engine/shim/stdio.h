#pragma once

#include "engine/base/result.h"
#include "engine/base/unique_fd.h"

namespace berth::shim {

// The pipes between a container without terminal and its shim.
struct StdioPipes {
    UniqueFd stdin_write, stdout_read, stderr_read;   // ours, non-blocking
    UniqueFd stdin_read, stdout_write, stderr_write;  // the container's; stdin_read is empty for /dev/null
};
Result<StdioPipes> make_stdio(bool with_stdin);

Result<> set_nonblocking(int fd);

}  // namespace berth::shim
