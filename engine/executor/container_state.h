#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "engine/base/result.h"

namespace berth::executor {

// What is kept of a container between two commands: ROOT/ID/state.json (ours alone), beside it the start
// fifo.
struct ContainerState {
    std::string id, bundle, rootfs, cgroup_path, created, oci_version;
    pid_t pid = 0;
    std::uint64_t start_time =
        0;  // of the process, in clock ticks since boot: a pid alone may be somebody else's
    uid_t owner = 0;
    std::map<std::string, std::string> annotations;
};

enum class Status { kCreated, kRunning, kPaused, kStopped };
const char* status_text(Status status);

// Container ids: letters, digits and "_+-.", no "." or "..". "invalid container ID format: X" otherwise.
Result<> check_id(const std::string& id);
std::string state_folder(const std::string& root, const std::string& id);
std::string fifo_path(const std::string& root, const std::string& id);

Result<> save_state(const std::string& root, const ContainerState& state);
// kNotFound: "container does not exist".
Result<ContainerState> load_state(const std::string& root, const std::string& id);
Result<std::vector<ContainerState>> load_all(const std::string& root);

// When the process `pid` was started; 0 if there is none, or it is a zombie.
std::uint64_t process_start_time(pid_t pid);
Status status_of(const std::string& root, const ContainerState& state);

}  // namespace berth::executor
