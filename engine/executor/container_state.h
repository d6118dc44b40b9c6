#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "engine/base/result.h"
#include "engine/base/unique_fd.h"
#include "engine/cgroup/cgroup.h"
#include "engine/executor/resctrl.h"
#include "engine/oci/runtime_spec.h"

namespace berth::executor {

// What is kept of a container between two commands, in ROOT/ID (0700, ours alone):
//   state.json   this struct
//   config.json  the bundle's, as it was at create: later changes of the bundle change no container
//   resources.json  what `update` made of its limits, once it was called
//   exec.fifo  until it is started; see start_gate.h
//   notify/    with the container's end of NOTIFY_SOCKET, if the caller has one
struct ContainerState {
    std::string id, bundle, rootfs, created, oci_version;
    cgroup::Layout layout;  // of the host
    cgroup::Places places;  // none: a container without privileges that got no cgroup
    std::string freezer;    // the file that says whether it is paused
    ResctrlPlace resctrl;
    pid_t pid = 0;
    std::uint64_t start_time =
        0;  // of the process, in clock ticks since boot: a pid alone may be somebody else's
    uid_t owner = 0;
    bool own_pids = true;  // a PID namespace that dies with init
    bool hooks = false;    // config.json has some for later
    // What init's 0, 1 and 2 were, as /proc names them, for criu; nothing with a terminal.
    std::vector<std::string> streams;
    std::map<std::string, std::string> annotations;
};

enum class Status { kCreated, kRunning, kPaused, kStopped };
const char* status_text(Status status);

// Container ids: letters, digits and "_+-.", no "." or "..". "invalid container ID format: X" otherwise.
Result<> check_id(const std::string& id);
std::string state_folder(const std::string& root, const std::string& id);
// The fifo of start_gate.h; it is there until the container is started.
std::string start_gate(const std::string& root, const std::string& id);

// All that lies there, and the folder; none there is no error.
Result<> remove_state_folder(const std::string& root, const std::string& id);

// Notes the process and the time in `state` and writes it down, beside the place where it is looked for.
Result<> draft_state(const std::string& root, ContainerState& state, pid_t pid);
// Puts the draft in its place.
Result<> publish_state(const std::string& root, const ContainerState& state);
// kNotFound: "container does not exist".
Result<ContainerState> load_state(const std::string& root, const std::string& id);
Result<std::vector<ContainerState>> load_all(const std::string& root);
// The configuration it was created with.
Result<std::string> load_config(const std::string& root, const std::string& id);
Result<oci::RuntimeSpec> load_spec(const std::string& root, const std::string& id);
Result<cgroup::Cgroup> cgroup_of(const ContainerState& state);

// When the process `pid` was started; 0 if there is none, or it is a zombie.
std::uint64_t process_start_time(pid_t pid);
Status status_of(const std::string& root, const ContainerState& state);
// Its first process, held by descriptor. kConflict "container not running" when it has ended.
Result<UniqueFd> hold_init(const ContainerState& state);

}  // namespace berth::executor
