#pragma once

#include <memory>
#include <vector>

#include "engine/shim/connection.h"
#include "engine/shim/container.h"

namespace berth::shim {

// Translates between connections and the container; reaps children.
class Server {
 public:
    // `listening` and `signals` (a signalfd for SIGCHLD) live as long as this; `first` is the supervisor's
    // own connection.
    Server(Loop& loop, TaskFile task, UniqueFd listening, UniqueFd signals, UniqueFd first, UniqueFd runtime);

 private:
    using Peer = std::shared_ptr<Connection>;
    void accept();
    void add(UniqueFd socket);
    void reap_children();
    void answer(const Peer& peer, Frame frame);
    void ask_container(const Peer& peer, const Frame& frame);
    void send_all(MessageType type, std::string_view payload);

    Loop& loop_;
    UniqueFd listening_, signals_;
    Container container_;
    std::vector<Peer> peers_;
    Watch accepting_, reaping_;
};

}  // namespace berth::shim
