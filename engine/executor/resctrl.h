#pragma once

#include <sys/types.h>

#include <string>

#include "engine/base/result.h"
#include "engine/oci/runtime_spec.h"

// linux.intelRdt: control of caches and memory bandwidth by resctrl, a file system that the host's
// administrator mounts at /sys/fs/resctrl where the processor can do it. A process is in one group, and its
// children with it.
namespace berth::executor {

struct ResctrlPlace {
    std::string group;    // its folder; empty: the container is in none of its own
    std::string removed;  // the folder that goes with the container: the group, or a monitoring group in it
};

// What the host lacks of what is asked for. Texts are runc's.
Result<> check_resctrl(const oci::IntelRdt& asked);
// Puts the container's process into its group, which is made if it is not there, with the schemata. One with
// a closID of its own and nothing to set must be there. `place` names what exists also after an error.
Result<> enter_resctrl(const oci::IntelRdt& asked, const std::string& id, pid_t pid, ResctrlPlace& place);
// New schemata for the group of a container.
Result<> update_resctrl(const ResctrlPlace& place, const oci::IntelRdt& asked);
// No error when it has gone.
void leave_resctrl(const ResctrlPlace& place);

}  // namespace berth::executor
