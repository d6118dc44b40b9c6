#pragma once

#include "engine/async/async.h"

namespace berth::daemon {

// Returns when the daemon is asked to end (SIGTERM, SIGINT); the process ignores SIGPIPE, SIGUSR1 and SIGHUP
// from here on. Who asks three times gets an end at once.
Async<int> wait_for_stop(IoContext& io);

}  // namespace berth::daemon
