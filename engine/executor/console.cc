#include "engine/executor/console.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace berth::executor {

namespace {

Result<> send_master(int socket, int master, const std::string& name) {
    iovec text{const_cast<char*>(name.data()), name.size()};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
    msghdr message{};
    message.msg_iov = &text;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    std::memcpy(CMSG_DATA(header), &master, sizeof master);
    if (::sendmsg(socket, &message, MSG_NOSIGNAL) < 0) return fail_errno("send the terminal");
    return {};
}

// The terminal as /dev/console.
Result<> bind_console(int slave) {
    UniqueFd console(::open("/dev/console", O_RDWR | O_CREAT | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC, 0666));
    if (!console) return fail_errno("make /dev/console");
    std::string from = "/proc/self/fd/" + std::to_string(slave),
                to = "/proc/self/fd/" + std::to_string(console.get());
    if (::mount(from.c_str(), to.c_str(), nullptr, MS_BIND, nullptr) != 0)
        return fail_errno("bind /dev/console");
    return {};
}

}  // namespace

Result<UniqueFd> connect_console(const std::string& path) {
    UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!socket) return fail_errno("socket");
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path) return fail_errno("connect to " + path, ENAMETOOLONG);
    std::memcpy(address.sun_path, path.data(), path.size());
    if (::connect(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
        return fail_errno("connect to " + path);
    }
    return socket;
}

Result<> take_terminal(int console_fd, const std::optional<oci::Box>& size, uid_t owner, ConsoleNode node) {
    UniqueFd master(::open("/dev/pts/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC));
    if (!master) return fail_errno("open /dev/pts/ptmx");
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
    if (::fchown(slave.get(), owner, static_cast<gid_t>(-1)) != 0) return fail_errno("own the terminal");
    if (node == ConsoleNode::kMake) BERTH_CHECK(bind_console(slave.get()));
    BERTH_CHECK(send_master(console_fd, master.get(), "/dev/ptmx"));
    for (int fd : {0, 1, 2}) {
        if (::dup3(slave.get(), fd, 0) < 0) return fail_errno("terminal as standard stream");
    }
    if (::ioctl(0, TIOCSCTTY, 0) != 0) return fail_errno("take the terminal");
    return {};
}

}  // namespace berth::executor
