#pragma once

#include <string>
#include <vector>

#include "engine/base/result.h"
#include "engine/executor/container_state.h"
#include "engine/oci/runtime_spec.h"

namespace berth::executor {

// What a hook reads on its standard input: the specification's state, as JSON.
std::string hook_state(const ContainerState& state, const char* status, pid_t pid);

// Runs them one after the other and stops at the first that fails: a program that cannot be started, ends
// with another status than 0, or runs past its time-out and is killed. A hook without an environment gets
// `environment`. The error reads "error running KIND hook #N: exit status 1, stdout: …, stderr: …".
Result<> run_hooks(const char* kind, const std::vector<oci::Hook>& hooks, const std::string& state,
                   const std::vector<std::string>& environment = {});

}  // namespace berth::executor
