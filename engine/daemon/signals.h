#pragma once

#include <functional>

#include "engine/async/async.h"

namespace berth::daemon {

// Returns when the daemon is asked to end (SIGTERM, SIGINT); at each SIGHUP until then `reload` is called on
// the io thread. The process ignores SIGPIPE and SIGUSR1 from here on. Who asks three times gets an end at
// once.
Async<int> wait_for_stop(IoContext& io, std::function<void()> reload);

}  // namespace berth::daemon
