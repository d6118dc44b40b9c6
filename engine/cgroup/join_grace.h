#pragma once

// Moving a process into a cgroup costs an RCU grace period, about 8 ms on an idle kernel, unless one passed
// for the same reason a moment ago: the kernel keeps the gate (cgroup_threadgroup_rwsem) open for about as
// long again.
namespace berth::cgroup {

// Lets that period pass now, for the process that will join soon: beside other work it costs nothing. Blocks
// meanwhile; returns at once while another call is under way, and where nothing is to gain (pure version 2,
// where a process is cloned into its cgroup). Moves nobody, and never fails: a join without it is only
// slower.
void pass_join_grace();

}  // namespace berth::cgroup
