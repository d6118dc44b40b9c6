#include "network/names/netd_client.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include <cerrno>

#include "engine/async/unix_address.h"
#include "engine/base/files.h"
#include "engine/base/log.h"
#include "engine/sys/spawn.h"
#include "network/names/wire.h"

namespace berth::network {
namespace {

Result<UniqueFd> seqpacket() {
    UniqueFd socket(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
    if (!socket) return fail_errno("create socket");
    const timeval deadline{.tv_sec = 5, .tv_usec = 0};
    ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &deadline, sizeof deadline);
    ::setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &deadline, sizeof deadline);
    return socket;
}

}  // namespace

Result<> NetdClient::open(std::function<void()> lost) {
    const std::lock_guard lock(mutex_);
    BERTH_TRY(watch_, NetdWatch::start(std::move(lost)));
    // berth-netd reads here without privileges; who gets this far has passed the state root.
    BERTH_CHECK(make_folders(folder(), 0711));
    if (auto connected = connect_locked(); !connected)
        log::debug("no berth-netd is running", {{"error", connected.error().message}});
    return {};
}

Result<> NetdClient::connect_locked() {
    served_.clear();
    BERTH_TRY(auto socket, seqpacket());
    BERTH_TRY(const auto address, async::UnixAddress::of(socket_path()));
    if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address.name), address.size) != 0)
        return fail_errno("connect to berth-netd");
    BERTH_CHECK(send_packet(socket.get(), {"hello", "1"}));
    BERTH_TRY(const auto answer, receive_packet(socket.get()));
    if (answer.words.size() < 2 || answer.words[0] != "hello" || answer.words[1] != "1")
        return fail(ErrorKind::kUnavailable, "berth-netd speaks another version");
    for (std::size_t i = 2; i < answer.words.size(); ++i)
        if (!answer.words[i].empty()) served_.insert(answer.words[i]);
    BERTH_TRY(auto watched, socket.duplicate());
    connection_ = std::move(socket);
    watch_->add(std::move(watched));
    return {};
}

void NetdClient::drop_ended_locked() {
    pollfd end{.fd = connection_.get(), .events = 0, .revents = 0};
    if (!connection_ || ::poll(&end, 1, 0) != 1) return;
    connection_.reset();
    served_.clear();
}

Result<> NetdClient::start_locked() {
    BERTH_TRY(auto listening, seqpacket());
    BERTH_TRY(const auto address, async::UnixAddress::of(socket_path()));
    ::unlink(socket_path().c_str());
    if (::bind(listening.get(), reinterpret_cast<const sockaddr*>(&address.name), address.size) != 0 ||
        ::listen(listening.get(), 8) != 0)
        return fail_errno("listen on " + socket_path());
    if (::chmod(socket_path().c_str(), 0600) != 0) return fail_errno("chmod " + socket_path());
    BERTH_TRY(const auto names, open_file(folder(), O_PATH | O_DIRECTORY));
    sys::SpawnOptions options;
    options.argv = {netd_path_, "--state", state_dir_};
    options.fds = {-1, -1, STDERR_FILENO, listening.get(), names.get()};
    options.folder = "/";
    options.new_session = true;
    options.orphan = true;
    BERTH_CHECK(in("start berth-netd", sys::spawn(options)));
    return connect_locked();
}

Result<> NetdClient::ask_locked(const std::vector<std::string>& words, const std::vector<int>& descriptors) {
    BERTH_CHECK(send_packet(connection_.get(), words, descriptors));
    BERTH_TRY(const auto answer, receive_packet(connection_.get()));
    if (answer.words[0] == "done") return {};
    return fail(ErrorKind::kInternal, "berth-netd refuses " + words[0]);
}

Result<> NetdClient::hand_over(const std::vector<std::string>& words, const std::vector<int>& descriptors) {
    const std::lock_guard lock(mutex_);
    if (!connection_ || !ask_locked(words, descriptors)) {
        connection_.reset();
        BERTH_CHECK(start_locked());
        BERTH_CHECK(ask_locked(words, descriptors));
    }
    served_.insert(words[1]);
    return {};
}

Result<> NetdClient::add(const std::string& container, ResolverSockets sockets) {
    std::vector<int> descriptors{sockets.udp.get(), sockets.tcp.get()};
    for (const auto& socket : sockets.ask_udp) descriptors.push_back(socket.get());
    for (const auto& socket : sockets.ask_tcp) descriptors.push_back(socket.get());
    return hand_over(
        {"add", container, std::to_string(sockets.ask_udp.size()), std::to_string(sockets.ask_tcp.size())},
        descriptors);
}

Result<> NetdClient::proxy(const std::string& key, const std::string& protocol, UniqueFd socket,
                           const std::string& address, std::uint16_t port) {
    return hand_over({"proxy", key, protocol, address, std::to_string(port)}, {socket.get()});
}

void NetdClient::take_back(const char* word, const std::string& what) {
    const std::lock_guard lock(mutex_);
    if (!connection_ || served_.erase(what) == 0) return;
    if (auto removed = ask_locked({word, what}, {}); !removed) {
        log::error("berth-netd does not answer", {{"error", removed.error().message}});
        connection_.reset();
    }
}

void NetdClient::unproxy(const std::string& key) {
    take_back("unproxy", key);
}

void NetdClient::remove(const std::string& container) {
    erase(sandbox_file(container));
    take_back("remove", container);
}

bool NetdClient::serves(const std::string& what) {
    const std::lock_guard lock(mutex_);
    drop_ended_locked();
    return served_.contains(what);
}

std::set<std::string> NetdClient::served() {
    const std::lock_guard lock(mutex_);
    drop_ended_locked();
    return served_;
}

Result<> NetdClient::write(const std::string& file, const std::string& text) {
    return in("write names", replace_file(folder() + "/" + file, text, 0644, Sync::kNone));
}

void NetdClient::erase(const std::string& file) {
    const auto path = folder() + "/" + file;
    if (::unlink(path.c_str()) != 0 && errno != ENOENT)
        log::error("cannot remove names", {{"error", fail_errno(path).value().message}});
}

void NetdClient::keep_only(const std::set<std::string>& wanted) {
    auto files = list_folder(folder());
    if (!files) return;
    for (const auto& file : *files)
        if (!wanted.contains(file)) erase(file);
}

}  // namespace berth::network
