#pragma once

#include "engine/base/result.h"
#include "engine/base/unique_fd.h"

namespace berth::shim {

// The runtime's --console-socket: the container's init connects to it and sends the master of its terminal.
// The socket lies in the bundle, our folder, and goes when this goes.
class ConsoleSocket {
 public:
    static Result<ConsoleSocket> listen();
    ConsoleSocket(ConsoleSocket&&) = default;
    ~ConsoleSocket();
    // After `runtime create` has succeeded the master is there already; no waiting. Non-blocking.
    Result<UniqueFd> receive_master();

 private:
    explicit ConsoleSocket(UniqueFd listening) : listening_(std::move(listening)) {}
    UniqueFd listening_;
};

}  // namespace berth::shim
