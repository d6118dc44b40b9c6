#pragma once

#include <termios.h>

#include <cstdint>
#include <optional>

namespace berth::cli {

bool is_terminal(int fd);

struct TerminalSize {
    std::uint16_t rows = 0, columns = 0;
};
std::optional<TerminalSize> terminal_size(int fd);

// Puts a terminal into raw mode, and back on destruction.
class RawMode {
 public:
    explicit RawMode(int fd);
    RawMode(const RawMode&) = delete;
    RawMode& operator=(const RawMode&) = delete;
    ~RawMode();

 private:
    int fd_;
    std::optional<termios> before_;
};

}  // namespace berth::cli
