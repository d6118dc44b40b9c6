#include "engine/shim/reap.h"

#include "engine/base/files.h"
#include "engine/base/time.h"
#include "engine/shim/cgroup_files.h"
#include "engine/shim/protocol/bundle.h"
#include "engine/shim/protocol/exit_record.h"
#include "engine/shim/runtime.h"
#include "engine/sys/pidfd.h"

namespace berth::shim {

Result<> reap(const TaskFile& task, const std::string& reason) {
    bool oom = oom_killed(task.cgroup_paths);
    kill_all(task.cgroup_paths);
    BERTH_TRY(auto child, Runtime(task).start({"delete", "--force"}, {-1, -1, -1}));
    // A container that the runtime does not know any more is what we want; the record is written in any case.
    if (auto status = sys::wait_child(child.pidfd.get()); !status) return Failure(status.error());
    if (exists(kExitFile)) return {};
    return write_exit_record(".", {137, oom, now().time_since_epoch().count(), reason});
}

}  // namespace berth::shim
