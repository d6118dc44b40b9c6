#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/async/async.h"
#include "engine/async/stream.h"
#include "engine/base/time.h"
#include "engine/base/unique_fd.h"
#include "engine/supervisor/health.h"

namespace berth::supervisor {

// All that a shim needs to run one container once.
struct TaskSpec {
    std::string id;           // the container's
    std::string config_json;  // the OCI runtime spec; root.path is "rootfs"
    UniqueFd root;  // a detached mount; the shim's create child attaches it at BUNDLE/rootfs in a mount
                    // namespace of its own
    // More detached mounts, of folders or files; the n-th is at handed_mount_path() for the runtime, and only
    // for it and its children.
    std::vector<UniqueFd> mounts;
    std::string runtime;  // path of a runtime with runc's command line; empty: berth-runtime
    std::vector<std::string> runtime_args;
    bool terminal = false;
    bool open_stdin = false;
    bool stdin_once = false;
    std::uint16_t rows = 0, columns = 0;
    std::string log_driver, log_path;  // as in logs::LogPlan
    std::map<std::string, std::string> log_options, log_attributes;
    std::string log_tag;
    std::vector<std::string> cgroup_paths;  // for the OOM count, and to kill what lost its shim
    std::optional<HealthSpec> health;
};

// The source of a mount in TaskSpec::config_json that stands for TaskSpec::mounts[index]. `state_dir`: as in
// SupervisorConfig.
std::string handed_mount_path(const std::string& state_dir, const std::string& id, std::size_t index);

struct TaskExit {
    int exit_code = 0;  // 128+n for signal n
    bool oom_killed = false;
    Timestamp exited_at{};
    std::string error;  // why, when it was not the process's own doing
};

struct Task {
    std::string id;
    enum class Status { kCreated, kRunning, kPaused, kExited } status = Status::kCreated;
    pid_t pid = 0;
    Timestamp started_at{};
    std::optional<TaskExit> exit;
    std::optional<Health> health;
};

// One more process in a running container.
struct ExecSpec {
    std::string exec_id;       // hex digits, unique for the container
    std::string process_json;  // the OCI process object
    bool terminal = false;
    // Without any there is no stream: it reads /dev/null, and what it writes is thrown away.
    bool input = false, output = false, error = false;
    std::uint16_t rows = 0, columns = 0;
};
struct ExecStarted {
    pid_t pid = 0;
    std::unique_ptr<async::Stream> stream;  // frames or raw bytes as with attach(); none if not attached
};
struct ExecExit {
    int exit_code = 0;  // 128+n for signal n
    Timestamp exited_at{};
};

struct AttachOptions {
    bool input = false, output = true, error = true;
};

// Runs containers through one shim each. Everything on the io thread. A shim lives on when the daemon dies;
// recover() finds it again. Errors of `create` and `start` carry the runtime's own text, since clients match
// it:
//   "failed to create task for container: failed to create shim task: OCI runtime create failed: runc create
//   failed:
//    unable to start container process: …".
class TaskService {
 public:
    virtual ~TaskService() = default;

    // A create() of this ID follows when its parts are ready, or a remove() when they are not: its shim
    // starts meanwhile. `own_runtime`: TaskSpec::runtime will be empty.
    virtual void expect(const std::string& id, bool own_runtime) = 0;
    // Bundle, shim, `runtime create`. After an error nothing is left. Returns the pid of the container's
    // init.
    virtual Async<Result<pid_t>> create(TaskSpec spec) = 0;
    // `runtime start`. Returns when the user's process has been exec'd (or could not be).
    virtual Async<Result<Timestamp>> start(std::string id) = 0;
    // To the init process. kConflict when it is gone.
    virtual Async<Result<>> kill(std::string id, int signal) = 0;
    // Returns once the process is gone and its output and exit record are on disk. Any number of waiters.
    virtual Async<Result<TaskExit>> wait(std::string id) = 0;
    // Live from now on. Without a terminal the stream gives Docker's 8-byte frames, with one raw bytes; what
    // is written goes to stdin, shutdown_write() ends it (see stdin_once). Before start() nothing is missed.
    virtual Async<Result<std::unique_ptr<async::Stream>>> attach(std::string id, AttachOptions options) = 0;
    // The same for a client that reads the log first: up to `log_end` it has what the stream has not, without
    // a gap and with nothing twice.
    struct AfterLog {
        std::unique_ptr<async::Stream> stream;
        Timestamp log_end{};
    };
    virtual Async<Result<AfterLog>> attach_after_log(std::string id, AttachOptions options) = 0;
    // `runtime pause` and `runtime resume`. kConflict for a task that is not in the state for it.
    virtual Async<Result<>> pause(std::string id) = 0;
    virtual Async<Result<>> resume(std::string id) = 0;
    virtual Async<Result<>> resize(std::string id, std::uint16_t rows, std::uint16_t columns) = 0;
    // `runtime exec`: returns once the program runs. An error carries the runtime's text: "OCI runtime exec
    // failed: exec failed: …"; nothing of the exec is left then.
    virtual Async<Result<ExecStarted>> exec(std::string id, ExecSpec spec) = 0;
    // Of an exec that was started by this daemon: once it is gone and its output has been read. 137 when the
    // container's shim is lost. Once for each exec.
    virtual Async<Result<ExecExit>> wait_exec(std::string id, std::string exec_id) = 0;
    virtual Async<Result<>> resize_exec(std::string id, std::string exec_id, std::uint16_t rows,
                                        std::uint16_t columns) = 0;
    virtual Async<Result<>> kill_exec(std::string id, std::string exec_id, int signal) = 0;
    // Who hears of each probe of each task; set once, before the first of them runs.
    using HealthListener = std::function<void(const std::string& id, const Health& health)>;
    virtual void on_health(HealthListener listener) = 0;
    // Forgets an exited (or never started) task: `runtime delete`, shim, bundle. Idempotent.
    virtual Async<Result<>> remove(std::string id) = 0;
    // The OCI runtime spec that the task was created with. Blocking, but only on a tmpfs.
    virtual Result<std::string> config_json(const std::string& id) const = 0;
    virtual std::optional<Task> find(const std::string& id) const = 0;
    // After a daemon start: reconnects to every live shim, reads the exit records of the others; a container
    // whose shim is dead is killed by its cgroup (exit 137, `error` says why). The result has every task that
    // is found.
    virtual Async<Result<std::vector<Task>>> recover() = 0;
};

struct SupervisorConfig {
    std::string state_dir;  // exec root; bundles in STATE/tasks/ID
    std::string shim_path, runtime_path;
    // How long a command of the runtime may take; then it is killed, and what asked for it has failed.
    std::chrono::seconds runtime_limit{120};
    // Who walks to a container's root without the host's rights: the group of root in the user namespace, or
    // 0.
    gid_t walkers = 0;
};
std::unique_ptr<TaskService> make_task_service(IoContext& io, SupervisorConfig config);

}  // namespace berth::supervisor
