#pragma once

#include "engine/daemon/config.h"

namespace berth::daemon {

// Takes from daemon.json what dockerd takes at a SIGHUP, into `config`; after an error nothing has changed.
// Returns the attributes of the `reload` event: every setting that can be changed so, as it is now. What
// holds a copy of a setting is the caller's business. Blocking.
Result<StringMap> reload(Config& config);

}  // namespace berth::daemon
