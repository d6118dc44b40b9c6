#pragma once

#include "engine/base/result.h"

namespace berth::executor {

// Makes this program run from a sealed copy of itself in memory: a container's process can reach the file
// that its init was cloned from by /proc/PID/exe, and must not find the host's binary there to overwrite
// (CVE-2019-5736). Starts the program again from the top, once; returns when it already runs from a sealed
// file (its own copy, or one that the caller keeps for all its calls), or with an error.
Result<> run_from_sealed_copy(char** argv);

}  // namespace berth::executor
