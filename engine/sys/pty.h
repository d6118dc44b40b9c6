#pragma once

#include <cstdint>
#include <string>

#include "engine/base/result.h"
#include "engine/base/unique_fd.h"

// Pseudo-terminals, seen from the side that holds the master.
namespace berth::sys {

struct WindowSize {
    std::uint16_t rows = 0, columns = 0;
    bool operator==(const WindowSize&) const = default;
};

// The foreground process group gets SIGWINCH. `fd` is a master or a terminal.
Result<> set_window_size(int fd, WindowSize size);
Result<WindowSize> window_size(int fd);

struct Pty {
    UniqueFd master;
    UniqueFd slave;
};
// A new pair from the calling process's devpts; both close-on-exec, neither becomes a controlling terminal.
Result<Pty> open_pty();

}  // namespace berth::sys
