#pragma once

#include <string>
#include <vector>

#include "engine/base/result.h"
#include "engine/base/unique_fd.h"
#include "engine/shim/protocol/task_file.h"
#include "engine/supervisor/task_service.h"
#include "engine/sys/spawn.h"

namespace berth::supervisor {

// STATE/tasks/ID and the shims that work there. Blocking, but only on a tmpfs and vfork.
class BundleStore {
 public:
    explicit BundleStore(SupervisorConfig config) : config_(std::move(config)) {}

    std::string path(const std::string& id) const { return config_.state_dir + "/tasks/" + id; }
    // kConflict if there is one already.
    Result<> write(const TaskSpec& spec) const;
    Result<> remove(const std::string& id) const;
    Result<std::vector<std::string>> list() const;
    // Whether a runtime still keeps state of the container: `delete` has not been run, or not to its end.
    bool runtime_knows(const std::string& id) const;
    // Starts a shim that outlives us; returns its control connection. It looks at its bundle when it is first
    // asked, and ends when the connection does before that. `own_runtime`: its task is for our own
    // runtime, of which all shims share one sealed copy, so that none has to be made at each of its commands.
    Result<UniqueFd> start_shim(const std::string& id, bool own_runtime);
    // Starts `berth-shim --reap`, a child of ours.
    Result<sys::ChildProcess> start_reaper(const std::string& id, const std::string& reason) const;

 private:
    Result<> open_way(const std::string& folder) const;
    int sealed_runtime();

    SupervisorConfig config_;
    UniqueFd runtime_;
};

}  // namespace berth::supervisor
