#pragma once

#include <string>

#include "engine/base/result.h"
#include "engine/base/unique_fd.h"
#include "engine/executor/container_state.h"
#include "engine/executor/options.h"
#include "engine/oci/runtime_spec.h"

// systemd's readiness protocol (sd_notify(3)) for a container, when the runtime itself is called with
// NOTIFY_SOCKET: the container gets a socket of its own at /run/notify/notify.sock. What it says there in
// READY is handed on once, followed by MAINPID and a barrier, all from the runtime's own process.
namespace berth::executor {

// At create: the folder, its mount and the variable.
Result<> announce_notify_socket(const Options& options, const std::string& id, oci::RuntimeSpec& spec);

class NotifySocket {
 public:
    // At start. Empty when nobody wants to be notified.
    static Result<NotifySocket> bind(const Options& options, const std::string& id);

    explicit operator bool() const { return static_cast<bool>(socket_); }
    int fd() const { return socket_.get(); }
    // Reads one message; true when the container is ready and the notification is over.
    Result<bool> relay(pid_t init);
    // Until it is ready or has ended.
    Result<> wait(const ContainerState& state);

 private:
    UniqueFd socket_;
};

}  // namespace berth::executor
