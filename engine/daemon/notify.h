#pragma once

#include <string_view>

namespace berth::daemon {

// Tells the service manager ("READY=1", "STOPPING=1"), if there is one that listens on $NOTIFY_SOCKET.
void notify_manager(std::string_view state);

}  // namespace berth::daemon
