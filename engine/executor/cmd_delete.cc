#include <signal.h>
#include <time.h>

#include "engine/base/files.h"
#include "engine/cgroup/cgroup.h"
#include "engine/executor/commands.h"
#include "engine/executor/container_state.h"

namespace berth::executor {

namespace {

// Up to ten seconds: a killed process leaves when the kernel is done with it.
bool gone(const ContainerState& state) {
    for (int round = 0; round < 1000; ++round) {
        if (process_start_time(state.pid) != state.start_time) return true;
        timespec time{0, 10'000'000};
        ::nanosleep(&time, nullptr);
    }
    return false;
}

}  // namespace

Result<> delete_command(const Options& options) {
    BERTH_TRY(std::string id, only_id(options));
    auto loaded = load_state(options.root, id);
    // What a create that died left behind is no container, but it is in the way of the next one.
    if (!loaded && options.force && loaded.error().kind == ErrorKind::kNotFound) {
        BERTH_CHECK(check_id(id));
        return remove_tree(state_folder(options.root, id));
    }
    if (!loaded) return Failure(loaded.error());
    const ContainerState& state = *loaded;
    BERTH_TRY(cgroup::Layout layout, cgroup::current_layout());
    BERTH_TRY(cgroup::Cgroup group, cgroup::Cgroup::at(layout, state.cgroup_path));
    Status status = status_of(options.root, state);
    // A created container has run nothing yet: deleting it is always allowed.
    if (status != Status::kStopped) {
        if (status != Status::kCreated && !options.force) {
            return fail(ErrorKind::kConflict,
                        "cannot delete container " + id + " that is not stopped: " + status_text(status));
        }
        if (status == Status::kPaused) (void)group.freeze(false).has_value();
        ::kill(state.pid, SIGKILL);
        if (!gone(state)) return fail(ErrorKind::kDeadlineExceeded, "container init still running");
    }
    BERTH_CHECK(group.kill_all());
    BERTH_CHECK(group.remove());
    return remove_tree(state_folder(options.root, id));
}

}  // namespace berth::executor
