#include "cli/term/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

namespace berth::cli {

bool is_terminal(int fd) {
    return ::isatty(fd) == 1;
}

std::optional<TerminalSize> terminal_size(int fd) {
    winsize size{};
    if (::ioctl(fd, TIOCGWINSZ, &size) != 0) return std::nullopt;
    return TerminalSize{size.ws_row, size.ws_col};
}

RawMode::RawMode(int fd) : fd_(fd) {
    termios now{};
    if (::tcgetattr(fd, &now) != 0) return;
    before_ = now;
    ::cfmakeraw(&now);
    ::tcsetattr(fd, TCSANOW, &now);
}

RawMode::~RawMode() {
    if (before_) ::tcsetattr(fd_, TCSANOW, &*before_);
}

}  // namespace berth::cli
