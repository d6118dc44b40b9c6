#include "engine/sys/pty.h"

#include <fcntl.h>
#include <sys/ioctl.h>

namespace berth::sys {

Result<> set_window_size(int fd, WindowSize size) {
    winsize raw{};
    raw.ws_row = size.rows;
    raw.ws_col = size.columns;
    if (::ioctl(fd, TIOCSWINSZ, &raw) != 0) return fail_errno("set window size");
    return {};
}

Result<WindowSize> window_size(int fd) {
    winsize raw{};
    if (::ioctl(fd, TIOCGWINSZ, &raw) != 0) return fail_errno("get window size");
    return WindowSize{raw.ws_row, raw.ws_col};
}

Result<Pty> open_pty() {
    Pty pty;
    pty.master.reset(::open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC));
    if (!pty.master) return fail_errno("open /dev/ptmx");
    int locked = 0;
    if (::ioctl(pty.master.get(), TIOCSPTLCK, &locked) != 0) return fail_errno("unlock pty");
    // By descriptor, not by path: whatever /dev/pts shows, this is the peer of this master.
    pty.slave.reset(::ioctl(pty.master.get(), TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC));
    if (!pty.slave) return fail_errno("open pty peer");
    return pty;
}

}  // namespace berth::sys
