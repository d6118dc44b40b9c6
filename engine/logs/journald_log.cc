#include "engine/logs/journald_log.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "engine/base/files.h"
#include "engine/base/ids.h"

namespace berth::logs {

namespace {

constexpr char kSocket[] = "/run/systemd/journal/socket";
constexpr const char* kError = "3";
constexpr const char* kInfo = "6";

// NAME=value, or for a value of several lines: NAME, newline, size in 8 bytes (little endian), value. Either
// ends with a newline.
void put(std::string& out, std::string_view name, std::string_view value) {
    out += name;
    if (value.find('\n') == std::string_view::npos) {
        out += '=';
    } else {
        out += '\n';
        for (int shift = 0; shift < 64; shift += 8) out += static_cast<char>(value.size() >> shift);
    }
    out += value;
    out += '\n';
}

}  // namespace

Result<std::unique_ptr<LogDriver>> JournaldLog::open(const LogPlan& plan) {
    std::string fields;
    for (const auto& [name, value] : plan.attributes) put(fields, name, value);
    put(fields, "CONTAINER_LOG_EPOCH", random_hex(32));
    std::unique_ptr<JournaldLog> log(new JournaldLog(std::move(fields)));
    if (!log->connect()) return fail(ErrorKind::kUnavailable, "journald is not enabled on this host");
    return std::unique_ptr<LogDriver>(std::move(log));
}

Result<> JournaldLog::connect() {
    UniqueFd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!socket) return fail_errno("socket");
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    std::memcpy(name.sun_path, kSocket, sizeof kSocket);
    if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name) != 0)
        return fail_errno(std::string("connect to ") + kSocket);
    socket_ = std::move(socket);
    return {};
}

Result<> JournaldLog::write(Stream stream, Timestamp time, std::string_view line, bool partial) {
    std::string entry;
    put(entry, "MESSAGE", line);
    put(entry, "PRIORITY", stream == Stream::kStderr ? kError : kInfo);
    entry += fields_;
    put(entry, "SYSLOG_TIMESTAMP", format_rfc3339_nano(time));
    put(entry, "CONTAINER_LOG_ORDINAL", std::to_string(++ordinal_));
    if (const Piece piece = pieces_.next(stream, partial); !piece.id.empty()) {
        put(entry, "CONTAINER_PARTIAL_ID", piece.id);
        put(entry, "CONTAINER_PARTIAL_ORDINAL", std::to_string(piece.ordinal));
        put(entry, "CONTAINER_PARTIAL_LAST", piece.last ? "true" : "false");
        if (!piece.last) put(entry, "CONTAINER_PARTIAL_MESSAGE", "true");
    }
    queue_.push_back(std::move(entry));
    return flush();
}

Result<> JournaldLog::flush() {
    while (!queue_.empty()) {
        auto sent = send(queue_.front());
        if (sent && !*sent) return {};
        if (!sent) ++lost_;
        queue_.pop_front();
        if (!sent) return Failure(std::move(sent.error()));
    }
    return {};
}

// false: not now.
Result<bool> JournaldLog::send(const std::string& entry) {
    for (bool again = true;; again = false) {
        if (!socket_) BERTH_CHECK(connect());
        if (::send(socket_.get(), entry.data(), entry.size(), MSG_NOSIGNAL) >= 0) return true;
        if (errno == EINTR) continue;
        if (errno == EAGAIN) return false;
        if (errno == EMSGSIZE || errno == ENOBUFS) {
            BERTH_CHECK(send_big(entry));
            return true;
        }
        auto error = fail_errno("write to the journal");
        // The journal was started again: its socket is another one.
        socket_.reset();
        if (!again) return error;
    }
}

// What no datagram holds goes as a sealed file.
Result<> JournaldLog::send_big(const std::string& entry) {
    UniqueFd file(::memfd_create("journal-entry", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    if (!file) return fail_errno("memfd_create");
    BERTH_CHECK(write_all(file.get(), entry));
    if (::fcntl(file.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) != 0)
        return fail_errno("seal");
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
    msghdr message{};
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    cmsghdr* rights = CMSG_FIRSTHDR(&message);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof(int));
    const int fd = file.get();
    std::memcpy(CMSG_DATA(rights), &fd, sizeof fd);
    if (::sendmsg(socket_.get(), &message, MSG_NOSIGNAL) < 0) return fail_errno("write to the journal");
    return {};
}

LogDriver::Wait JournaldLog::waiting() const {
    if (queue_.empty()) return {};
    return {socket_.get(), true};
}

bool JournaldLog::end() {
    (void)flush().has_value();
    return queue_.empty();
}

}  // namespace berth::logs
