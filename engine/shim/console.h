#pragma once

#include <string>

#include "engine/base/result.h"
#include "engine/base/unique_fd.h"

namespace berth::shim {

// The runtime's --console-socket: the container's init connects to it and sends the master of its terminal.
// The socket lies in the bundle, our folder, and goes when this goes.
class ConsoleSocket {
 public:
    // `name`: its file in the current folder.
    static Result<ConsoleSocket> listen(std::string name);
    ConsoleSocket(ConsoleSocket&&) = default;
    ~ConsoleSocket();
    // After `runtime create` has succeeded the master is there already; no waiting. Non-blocking.
    Result<UniqueFd> receive_master();

 private:
    ConsoleSocket(UniqueFd listening, std::string name)
        : listening_(std::move(listening)), name_(std::move(name)) {}
    UniqueFd listening_;
    std::string name_;
};

}  // namespace berth::shim
