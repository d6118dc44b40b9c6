#pragma once

#include <string>

#include "engine/base/result.h"
#include "engine/base/undo.h"
#include "engine/cgroup/cgroup.h"
#include "engine/executor/container_state.h"
#include "engine/executor/options.h"
#include "engine/executor/seccomp_filter.h"
#include "engine/executor/spaces.h"
#include "engine/oci/runtime_spec.h"

// What create and restore begin with.
namespace berth::executor {

struct Bundle {
    std::string config;     // the text of config.json
    oci::RuntimeSpec spec;  // checked; sources of binds are absolute
    FilterCache filters;
    Spaces spaces;
    ContainerState state;  // without a place in the cgroups, a process and a time
};
Result<Bundle> read_bundle(const Options& options, const std::string& id);

// ROOT/ID with the configuration. kConflict when the name is taken.
Result<> make_state_folder(const Options& options, const Bundle& bundle, UndoStack& undo);

// Where the container's cgroup will be, noted in `state`; nobody is there. Of it version 2's part is made, to
// be born in.
Result<cgroup::Cgroup> find_cgroup(const Options& options, const oci::RuntimeSpec& spec,
                                   ContainerState& state, UndoStack& undo);
// The rest of it, with the limits. Without privileges and without a path of its own the container stays in
// the caller's, and find_cgroup() has found out so.
Result<> make_cgroup(const Options& options, const oci::RuntimeSpec& spec, ContainerState& state,
                     const cgroup::Cgroup& group);

// state.json as it was drafted, the pid file and the pidfd for whoever asked: from then on it is a container.
Result<> publish(const Options& options, const ContainerState& state);

}  // namespace berth::executor
