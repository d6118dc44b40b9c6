#pragma once

#include "engine/base/result.h"
#include "engine/executor/container_state.h"
#include "engine/executor/notify_socket.h"
#include "engine/executor/options.h"

namespace berth::executor {

// Lets the process of a created container become the user's program, and runs the poststart hooks. Returns
// when it has, or when a startContainer hook has failed; a poststart hook that fails ends the container.
// A container that was created with NOTIFY_SOCKET has `notify` to say when it is ready; the caller waits.
Result<> start_container(const Options& options, const ContainerState& state, NotifySocket& notify);

// Kills what is left of it, takes its cgroup and state away, and runs the poststop hooks.
Result<> remove_container(const Options& options, const ContainerState& state);

}  // namespace berth::executor
