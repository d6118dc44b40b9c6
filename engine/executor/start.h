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
// The last part of it.
Result<> run_poststart_hooks(const Options& options, const ContainerState& state);

// What a caller says to a `create` that it has given a descriptor by --start-line, so that the start needs no
// program of its own:
//
//   create → caller   'c'   the container is created; state and pid file are there. In the same packet, each
//   with
//                           a newline behind it: the folders that go with it, its cgroups and at last its
//                           state; none when `delete` has more to do
//   caller → create   's'   start it; create then ends as `start` would have
//   the caller's end        leave it created
//
// A caller that hears nothing has a create that failed, and its exit status as always. The descriptor is a
// socket of packets.
inline constexpr char kCreatedWord = 'c', kStartWord = 's';

// Kills what is left of it, takes its cgroup and state away, and runs the poststop hooks.
Result<> remove_container(const Options& options, const ContainerState& state);

}  // namespace berth::executor
