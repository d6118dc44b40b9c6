#include "engine/shim/connection.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include "engine/shim/protocol/socket.h"

namespace berth::shim {

std::shared_ptr<Connection> Connection::open(Loop& loop, UniqueFd socket, Events events) {
    std::shared_ptr<Connection> self(new Connection(std::move(socket), std::move(events)));
    Connection* raw = self.get();
    self->watch_ = std::make_unique<Watch>(loop, raw->socket_.get(), EPOLLIN, [&loop, raw](std::uint32_t) {
        // Whatever the handler does to the list of connections, this one outlives its own handler.
        loop.later([keep = raw->shared_from_this()] {});
        raw->on_ready();
    });
    return self;
}

void Connection::on_ready() {
    std::string bytes;
    auto got = receive(socket_.get(), bytes, descriptors_);
    if (got && !*got) return;
    frames_.append(bytes);
    auto self = shared_from_this();
    while (got) {
        auto frame = frames_.next();
        if (frame && !*frame) return;
        if (!frame) break;
        events_.frame(self, std::move(**frame));
    }
    watch_->pause();
    events_.gone(this);
}

void Connection::send(MessageType type, std::uint32_t tag, std::string_view payload) {
    auto sent = send_message(socket_.get(), encode_frame(type, tag, payload));
    // A peer that missed a message must not think that it has heard everything: it finds the connection
    // closed, and comes back with a new one.
    if (!sent) ::shutdown(socket_.get(), SHUT_RDWR);
}

UniqueFd Connection::take_descriptor() {
    if (descriptors_.empty()) return {};
    UniqueFd first = std::move(descriptors_.front());
    descriptors_.erase(descriptors_.begin());
    return first;
}

}  // namespace berth::shim
