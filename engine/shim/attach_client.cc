#include "engine/shim/attach_client.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>

#include "engine/shim/protocol/messages.h"

namespace berth::shim {

namespace {
constexpr std::size_t kInputChunk = 4096;
constexpr std::size_t kHeader = 8;
}  // namespace

AttachClient::AttachClient(Loop& loop, UniqueFd socket, std::uint8_t streams, bool framed, Input& input,
                           Events events)
    : loop_(loop),
      socket_(std::move(socket)),
      streams_(streams),
      framed_(framed),
      input_(input),
      events_(std::move(events)) {
    watch_ = std::make_unique<Watch>(loop_, socket_.get(), EPOLLIN,
                                     [this](std::uint32_t ready) { on_ready(ready); });
    update();
}

bool AttachClient::wants(logs::Stream stream) const {
    if (output_ended_) return false;
    // A terminal has one stream; whoever wants any output gets it.
    if (!framed_) return (streams_ & (kAttachStdout | kAttachStderr)) != 0;
    return (streams_ & (stream == logs::Stream::kStdout ? kAttachStdout : kAttachStderr)) != 0;
}

void AttachClient::send(logs::Stream stream, std::string_view bytes) {
    // Docker's frame: stream, three zeros, big-endian length.
    auto size = static_cast<std::uint32_t>(bytes.size());
    char header[kHeader] = {static_cast<char>(stream),
                            0,
                            0,
                            0,
                            static_cast<char>(size >> 24),
                            static_cast<char>(size >> 16),
                            static_cast<char>(size >> 8),
                            static_cast<char>(size)};
    std::string_view head(header, framed_ ? kHeader : 0);
    std::size_t sent = 0;
    if (pending_.empty()) {
        iovec parts[2] = {{header, head.size()}, {const_cast<char*>(bytes.data()), bytes.size()}};
        msghdr message{};
        message.msg_iov = parts;
        message.msg_iovlen = 2;
        ssize_t put = ::sendmsg(socket_.get(), &message, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (put < 0 && errno != EAGAIN && errno != EINTR) return output_lost();
        sent = put > 0 ? static_cast<std::size_t>(put) : 0;
    }
    if (sent < head.size()) {
        pending_ += head.substr(sent);
        sent = 0;
    } else {
        sent -= head.size();
    }
    pending_ += bytes.substr(sent);
    update();
}

void AttachClient::flush() {
    bool was_behind = behind();
    while (!pending_.empty()) {
        ssize_t put = ::send(socket_.get(), pending_.data(), pending_.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (put < 0 && errno == EINTR) continue;
        if (put < 0 && errno == EAGAIN) break;
        if (put < 0) return output_lost();
        pending_.erase(0, static_cast<std::size_t>(put));
    }
    if (!pending_.empty()) return;
    std::string().swap(pending_);
    if (was_behind) loop_.later([told = events_.caught_up, self = this] { told(self); });
    if (output_ended_) loop_.later([gone = events_.gone, self = this] { gone(self); });
}

void AttachClient::output_lost() {
    bool was_behind = behind();
    std::string().swap(pending_);
    streams_ &= kAttachStdin;
    hung_up_ = true;
    if (was_behind) loop_.later([told = events_.caught_up, self = this] { told(self); });
    update();
}

void AttachClient::give_up() {
    output_lost();
    ::shutdown(socket_.get(), SHUT_RDWR);
}

void AttachClient::end_output() {
    output_ended_ = true;
    if (!behind()) loop_.later([gone = events_.gone, self = this] { gone(self); });
}

void AttachClient::read_input() {
    char buffer[kInputChunk];
    ssize_t got = ::recv(socket_.get(), buffer, sizeof buffer, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got > 0) {
        if ((streams_ & kAttachStdin) != 0)
            input_.write(std::string_view(buffer, static_cast<std::size_t>(got)));
        return;
    }
    reading_ = false;
    if ((streams_ & kAttachStdin) != 0) loop_.later(events_.input_ended);
}

void AttachClient::on_ready(std::uint32_t events) {
    if ((events & EPOLLOUT) != 0) flush();
    // Hung up means that nobody reads; what was typed before may still lie in the socket.
    if ((events & (EPOLLHUP | EPOLLERR)) != 0 && !hung_up_) output_lost();
    if (reading_ && !input_.full()) read_input();
    update();
}

void AttachClient::update() {
    bool want_input = reading_ && !input_.full();
    if (hung_up_ && !reading_) {
        watch_->pause();
        if (!output_ended_) {
            output_ended_ = true;
            loop_.later([gone = events_.gone, self = this] { gone(self); });
        }
        return;
    }
    // After a hang-up the kernel says so again and again, asked or not.
    if (hung_up_ && !want_input) return watch_->pause();
    watch_->set((want_input ? EPOLLIN : 0U) | (behind() ? EPOLLOUT : 0U));
}

}  // namespace berth::shim
