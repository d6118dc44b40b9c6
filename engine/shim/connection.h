#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/unique_fd.h"
#include "engine/shim/loop.h"
#include "engine/shim/protocol/messages.h"

namespace berth::shim {

// One daemon's control connection: frames in, frames out.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
    struct Events {
        std::function<void(const std::shared_ptr<Connection>&, Frame)> frame;
        std::function<void(Connection*)> gone;
    };
    static std::shared_ptr<Connection> open(Loop& loop, UniqueFd socket, Events events);

    // To a peer that is gone or does not read, nothing is sent: it reconnects and asks.
    void send(MessageType type, std::uint32_t tag, std::string_view payload);
    // The descriptor that came with the oldest frame that brought one.
    UniqueFd take_descriptor();

 private:
    Connection(UniqueFd socket, Events events) : socket_(std::move(socket)), events_(std::move(events)) {}
    void on_ready();

    UniqueFd socket_;
    Events events_;
    FrameBuffer frames_;
    std::vector<UniqueFd> descriptors_;
    std::unique_ptr<Watch> watch_;
};

}  // namespace berth::shim
