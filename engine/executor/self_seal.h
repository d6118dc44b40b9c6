#pragma once

#include "engine/base/result.h"
#include "engine/executor/options.h"

namespace berth::executor {

// Makes this program run from something that nobody can write to: a container's process can reach the file
// that its init was cloned from by /proc/PID/exe, and must not find the host's binary there to overwrite
// (CVE-2019-5736). Starts the program again from the top, once: by a read-only overlay of its folder, which
// costs no copy, else from a sealed copy in memory. Returns when it already runs so (or from a sealed file
// that the caller keeps for all its calls), or with an error.
Result<> run_sealed(const Options& options, char** argv);

// Lets go of the overlay that the program came through, if it is still open. The kernel takes a grace period
// to take a mount down, so the right moment is when there is nothing to do but wait.
void close_seal();

}  // namespace berth::executor
