#include "engine/executor/console.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>

#include "engine/executor/mount_calls.h"
#include "engine/executor/socket_calls.h"

namespace berth::executor {

namespace {

// The multiplexer of a devpts, not something that only stands in its place.
Result<UniqueFd> open_master() {
    UniqueFd place(::open("/dev/pts/ptmx", O_PATH | O_NOFOLLOW | O_CLOEXEC));
    struct stat status{};
    struct statfs kind{};
    if (!place || ::fstat(place.get(), &status) != 0 || ::fstatfs(place.get(), &kind) != 0)
        return fail_errno("open /dev/pts/ptmx");
    if (!S_ISCHR(status.st_mode) || status.st_rdev != makedev(5, 2) || kind.f_type != DEVPTS_SUPER_MAGIC)
        return fail(ErrorKind::kForbidden, "/dev/pts/ptmx is not a terminal multiplexer");
    UniqueFd master(::open("/dev/pts/ptmx", O_RDWR | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC));
    struct stat opened{};
    if (!master || ::fstat(master.get(), &opened) != 0) return fail_errno("open /dev/pts/ptmx");
    if (opened.st_dev != status.st_dev || opened.st_ino != status.st_ino)
        return fail(ErrorKind::kForbidden, "/dev/pts/ptmx was replaced");
    return master;
}

// The terminal as /dev/console, both by descriptor.
Result<> bind_console(int slave) {
    UniqueFd console(::open("/dev/console", O_RDONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666));
    if (!console && errno == EEXIST) console.reset(::open("/dev/console", O_PATH | O_NOFOLLOW | O_CLOEXEC));
    struct stat status{};
    if (!console || ::fstat(console.get(), &status) != 0) return fail_errno("make /dev/console");
    if (S_ISLNK(status.st_mode) || S_ISDIR(status.st_mode))
        return fail(ErrorKind::kForbidden, "/dev/console is no file that a terminal can be bound over");
    BERTH_TRY(UniqueFd clone, clone_mount(slave, false));
    return in("bind /dev/console", attach(clone.get(), console.get()));
}

}  // namespace

Result<> take_terminal(int console_fd, const std::optional<oci::Box>& size, uid_t owner, ConsoleNode node,
                       bool plain_lines) {
    BERTH_TRY(UniqueFd master, open_master());
    int unlock = 0;
    if (::ioctl(master.get(), TIOCSPTLCK, &unlock) != 0) return fail_errno("unlock the terminal");
    // By the master's descriptor: no path of the container decides which terminal this is.
    UniqueFd slave(::ioctl(master.get(), TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC));
    if (!slave) return fail_errno("open the terminal");
    if (size && (size->height != 0 || size->width != 0)) {
        winsize window{static_cast<unsigned short>(size->height), static_cast<unsigned short>(size->width), 0,
                       0};
        ::ioctl(slave.get(), TIOCSWINSZ, &window);
    }
    termios modes{};
    if (plain_lines && ::tcgetattr(slave.get(), &modes) == 0) {
        modes.c_oflag &= ~static_cast<tcflag_t>(ONLCR);
        ::tcsetattr(slave.get(), TCSANOW, &modes);
    }
    if (::fchown(slave.get(), owner, static_cast<gid_t>(-1)) != 0) return fail_errno("own the terminal");
    if (node == ConsoleNode::kMake) BERTH_CHECK(bind_console(slave.get()));
    BERTH_CHECK(send_descriptor(console_fd, master.get(), "/dev/ptmx"));
    for (int fd : {0, 1, 2}) {
        if (::dup3(slave.get(), fd, 0) < 0) return fail_errno("terminal as standard stream");
    }
    if (::ioctl(0, TIOCSCTTY, 0) != 0) return fail_errno("take the terminal");
    return {};
}

}  // namespace berth::executor
