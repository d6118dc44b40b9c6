#include "engine/executor/sync.h"

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "engine/sys/descriptor_passing.h"

namespace berth::executor {

// One packet a message (SOCK_SEQPACKET): the kind, then the text.
Result<> send_message(int fd, const SyncMessage& message, const std::vector<UniqueFd>& files) {
    std::string packet(1, static_cast<char>(message.kind));
    packet += message.text.substr(0, 4000);
    if (!files.empty()) {
        std::vector<int> numbers;
        for (const UniqueFd& file : files) numbers.push_back(file.get());
        BERTH_CHECK(in("send to the other side", sys::send_with_descriptors(fd, packet, numbers)));
        return {};
    }
    ssize_t sent = 0;
    do {
        // write(2), which a seccomp filter that lets anything run has to allow; init says "ready" under its
        // filter.
        sent = ::write(fd, packet.data(), packet.size());
    } while (sent < 0 && errno == EINTR);
    if (sent < 0) return fail_errno("send to the other side");
    return {};
}

Result<SyncMessage> receive_message(int fd, std::vector<UniqueFd>& files) {
    char packet[4096];
    BERTH_TRY(std::size_t got,
              in("hear from the other side", sys::receive_with_descriptors(fd, packet, files)));
    if (got == 0) return fail(ErrorKind::kUnavailable, "the other side is gone");
    return SyncMessage{static_cast<SyncMessage::Kind>(packet[0]), std::string(packet + 1, got - 1)};
}

Result<SyncMessage> receive_message(int fd) {
    char packet[4096];
    ssize_t got = 0;
    do {
        got = ::read(fd, packet, sizeof packet);
        // The other side has ended with something of ours unread. That is said once, and before its last
        // words.
    } while (got < 0 && (errno == EINTR || errno == ECONNRESET));
    if (got < 0) return fail_errno("hear from the other side");
    if (got == 0) return fail(ErrorKind::kUnavailable, "the other side is gone");
    return SyncMessage{static_cast<SyncMessage::Kind>(packet[0]),
                       std::string(packet + 1, static_cast<std::size_t>(got - 1))};
}

}  // namespace berth::executor
