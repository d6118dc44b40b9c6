#include "engine/executor/notify_socket.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "engine/base/files.h"
#include "engine/executor/socket_calls.h"
#include "engine/sys/pidfd.h"

namespace berth::executor {

namespace {

std::string hosts_socket() {
    const char* path = std::getenv("NOTIFY_SOCKET");
    return path == nullptr ? "" : path;
}

std::string folder_of(const Options& options, const std::string& id) {
    return state_folder(options.root, id) + "/notify";
}

// "@name" is in the abstract space.
Result<UniqueFd> connect_to_host(std::string path) {
    UniqueFd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (!socket) return fail_errno("socket");
    if (path.size() >= sizeof address.sun_path)
        return fail(ErrorKind::kInvalidArgument, "NOTIFY_SOCKET is too long");
    if (path[0] == '@') path[0] = '\0';
    std::memcpy(address.sun_path, path.data(), path.size());
    auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());
    if (::connect(socket.get(), reinterpret_cast<sockaddr*>(&address), length) != 0)
        return fail_errno("connect to NOTIFY_SOCKET");
    return socket;
}

// The supervisor closes its end of a pipe once it has read everything before it.
Result<> wait_for_barrier(int host) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return fail_errno("pipe");
    UniqueFd read(ends[0]), write(ends[1]);
    BERTH_CHECK(send_descriptor(host, write.get(), "BARRIER=1"));
    write.reset();
    // One that does not know the protocol leaves it open.
    constexpr int kPatience = 30'000;
    pollfd wait{read.get(), POLLIN, 0};
    while (::poll(&wait, 1, kPatience) < 0 && errno == EINTR) {
    }
    return {};
}

Result<> tell_host(const std::string& ready, pid_t init) {
    BERTH_TRY(UniqueFd host, connect_to_host(hosts_socket()));
    for (const std::string& line : {ready + "\n", "MAINPID=" + std::to_string(init) + "\n"}) {
        if (::send(host.get(), line.data(), line.size(), MSG_NOSIGNAL) < 0)
            return fail_errno("send to NOTIFY_SOCKET");
    }
    return wait_for_barrier(host.get());
}

}  // namespace

Result<> announce_notify_socket(const Options& options, const std::string& id, oci::RuntimeSpec& spec) {
    if (hosts_socket().empty()) return {};
    std::string folder = folder_of(options, id);
    if (::mkdir(folder.c_str(), 0755) != 0) return fail_errno("mkdir " + folder);
    oci::SpecMount mount;
    mount.destination = "/run/notify";
    mount.source = folder;
    mount.type = "bind";
    mount.options = {"bind", "nosuid", "noexec", "nodev", "ro"};
    spec.mounts.push_back(std::move(mount));
    spec.process->env.emplace_back("NOTIFY_SOCKET=/run/notify/notify.sock");
    return {};
}

Result<NotifySocket> NotifySocket::bind(const Options& options, const std::string& id) {
    NotifySocket out;
    // Created without one, it knows of none.
    if (hosts_socket().empty() || !exists(folder_of(options, id))) return out;
    BERTH_TRY(UniqueFd folder, open_file(folder_of(options, id), O_PATH | O_DIRECTORY));
    out.socket_.reset(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!out.socket_) return fail_errno("socket");
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    // The folder's own path may be longer than an address.
    std::string path = "/proc/self/fd/" + std::to_string(folder.get()) + "/notify.sock";
    std::memcpy(address.sun_path, path.data(), path.size());
    if (::bind(out.socket_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
        return fail_errno("bind the notify socket");
    if (::chmod(path.c_str(), 0777) != 0) return fail_errno("chmod the notify socket");
    return out;
}

Result<bool> NotifySocket::relay(pid_t init) {
    char text[4096];
    ssize_t got = ::recv(socket_.get(), text, sizeof text, 0);
    if (got < 0) return errno == EINTR || errno == EAGAIN ? Result<bool>(false) : fail_errno("hear notify");
    std::string said(text, static_cast<std::size_t>(got));
    if (!said.starts_with("READY=")) return false;
    BERTH_CHECK(tell_host(said.substr(0, said.find('\n')), init));
    socket_.reset();
    return true;
}

Result<> NotifySocket::wait(const ContainerState& state) {
    auto init = hold_init(state);
    while (init) {
        pollfd ready{socket_.get(), POLLIN, 0};
        BERTH_TRY(bool ended, sys::poll_for_end(init->get(), {&ready, 1}));
        if (ready.revents != 0) {
            BERTH_TRY(bool over, relay(state.pid));
            if (over) return {};
        }
        if (ended) return {};
    }
    return {};
}

}  // namespace berth::executor
