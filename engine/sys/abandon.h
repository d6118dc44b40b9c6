#pragma once

#include "engine/sys/spawn.h"

namespace berth::sys {

// Kills a child (if it still runs) and reaps it: at once if it ends within a moment; else, since a process in
// a file system that does not answer ends late or never, by a thread that waits for all such. Blocks for
// seconds at most. A child without a pidfd is left alone.
void abandon(ChildProcess child);

}  // namespace berth::sys
