#pragma once

namespace berth {

// Locks an open file for this process alone (flock). False when another one has it and still has it a moment
// later: of a process that was killed, a child between fork and exec may hold its descriptors that long.
bool lock_file(int fd);

}  // namespace berth
