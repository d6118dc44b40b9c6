#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "engine/async/async.h"
#include "engine/async/blocking_pool.h"
#include "engine/async/stream.h"
#include "engine/base/id_maps.h"
#include "engine/base/result.h"
#include "engine/base/time.h"
#include "engine/confine/file_task.h"
#include "engine/container/model.h"
#include "engine/events/event.h"
#include "engine/image/image_service.h"
#include "engine/oci/platform.h"
#include "engine/snapshot/snapshotter.h"
#include "engine/state/database.h"
#include "engine/supervisor/task_service.h"
#include "network/network_service.h"
#include "volumes/volume_service.h"

// What the API's routes see of containers: four faces, each on the io thread. `ref` is a name, an ID or an
// unambiguous prefix of one; error texts are Docker's.
namespace berth::container {

struct CreateRequest {
    std::string name;  // "": a random one
    std::optional<oci::Platform> platform;
    types::ContainerConfig config;
    types::HostConfig host;
    std::map<std::string, types::EndpointRequest> endpoints;
};
struct Created {
    std::string id;
    std::vector<std::string> warnings;
};

// Changed: 204. Unchanged, because it already was so: 304.
enum class Outcome { kChanged, kUnchanged };

struct StopOptions {
    std::string signal;                   // "": the container's own
    std::optional<std::int64_t> seconds;  // -1: for ever
};
struct RemoveOptions {
    bool force = false, volumes = false, link = false;
};
struct Pruned {
    std::vector<std::string> ids;
    std::uint64_t bytes = 0;
};

enum class WaitCondition { kNotRunning, kNextExit, kRemoved };
struct WaitResult {
    int exit_code = 0;
    std::string error;  // why it could not be started or ended badly, or ""
};
// A place in the queue for an exit: taken before the answer's head is sent, so that nothing in between is
// missed.
class Waiting {
 public:
    virtual ~Waiting() = default;
    virtual Async<Result<WaitResult>> result() = 0;
};

// name -> values, as a query's `filters` gives them.
using Filters = std::map<std::string, std::set<std::string>, std::less<>>;

class ContainerLifecycle {
 public:
    virtual ~ContainerLifecycle() = default;
    virtual Async<Result<Created>> create(CreateRequest request) = 0;
    virtual Async<Result<Outcome>> start(std::string ref) = 0;
    virtual Async<Result<Outcome>> stop(std::string ref, StopOptions options) = 0;
    virtual Async<Result<>> restart(std::string ref, StopOptions options) = 0;
    // `signal`: "", "KILL", "SIGKILL" or a number.
    virtual Async<Result<>> kill(std::string ref, std::string signal) = 0;
    // `changes`: the limits and the restart policy; what says nothing stays as it is. Returns warnings.
    virtual Async<Result<std::vector<std::string>>> update(std::string ref, types::HostConfig changes) = 0;
    virtual Async<Result<>> pause(std::string ref) = 0;
    virtual Async<Result<>> unpause(std::string ref) = 0;
    virtual Async<Result<>> remove(std::string ref, RemoveOptions options) = 0;
    virtual Async<Result<>> rename(std::string ref, std::string name) = 0;
    virtual Async<Result<Pruned>> prune(Filters filters) = 0;
    virtual Result<std::unique_ptr<Waiting>> wait(const std::string& ref, WaitCondition condition) = 0;
};

struct ListOptions {
    bool all = false, size = false;
    std::int64_t limit = 0;
    Filters filters;
};

struct InspectOptions {
    bool size = false;
    bool names_as_aliases = false;  // of before API 1.45: the short ID and the host name among the aliases
};

class ContainerInspector {
 public:
    virtual ~ContainerInspector() = default;
    virtual Result<ContainerPtr> find(const std::string& ref) = 0;
    // JSON text of the API's objects. The inspector asks the pool where the answer is not in memory.
    virtual Async<Result<std::string>> inspect(std::string ref, InspectOptions options) = 0;
    virtual Async<Result<std::string>> list(ListOptions options) = 0;
    // Containers of an image, for ImageService::remove.
    virtual std::vector<image::ImageService::User> image_users() = 0;
    struct Counts {
        int running = 0, paused = 0, stopped = 0;
    };
    virtual Counts counts() = 0;
};

struct AttachRequest {
    bool input = false, output = false, error = false;
    bool stream = false, logs = false;
    std::string detach_keys;  // "": ctrl-p,ctrl-q
};
struct LogRequest {
    bool output = false, error = false, follow = false, timestamps = false, details = false;
    std::int64_t tail = -1;  // lines; -1: all
    std::optional<Timestamp> since, until;
};
// Where log records go, which stay the reader's; an error from it ends the reading.
class LogSink {
 public:
    virtual ~LogSink() = default;
    virtual Async<Result<>> write(std::string_view bytes) = 0;
};

class ContainerStreams {
 public:
    virtual ~ContainerStreams() = default;
    // Legal to attach to? Asked before the connection is taken over.
    virtual Result<ContainerPtr> attachable(const std::string& ref, const AttachRequest& request) = 0;
    // A place at the container's streams, taken before the client hears of it: what a start in the meantime
    // writes is not missed.
    class Attachment {
     public:
        virtual ~Attachment() = default;
        // Copies until the container has ended and its output is out, the client detaches, or the connection
        // breaks.
        virtual Async<Result<>> run(std::unique_ptr<async::Stream> client) = 0;
    };
    virtual Result<std::unique_ptr<Attachment>> attach(const std::string& id, AttachRequest request) = 0;
    virtual Async<Result<>> resize(std::string ref, std::uint16_t rows, std::uint16_t columns) = 0;
    // The container, if its log can be read; Docker's error if not.
    virtual Result<ContainerPtr> readable(const std::string& ref) = 0;
    // Frames (or raw bytes of a terminal) to `sink`, until the end or, following, until the container stops.
    virtual Async<Result<>> logs(std::string id, LogRequest request, LogSink& sink) = 0;
};

// Networks of a container that is there already, running or not.
class ContainerNetworks {
 public:
    virtual ~ContainerNetworks() = default;
    virtual Async<Result<>> connect(std::string network, std::string ref,
                                    types::EndpointRequest endpoint) = 0;
    virtual Async<Result<>> disconnect(std::string network, std::string ref, bool force) = 0;
};

struct ExecRequest {
    std::vector<std::string> command, env;
    std::string user, working_dir, detach_keys;
    bool privileged = false, tty = false;
    bool input = false, output = false, error = false;
    std::vector<std::uint32_t> console_size;  // rows, columns; or empty
};
struct ExecStart {
    bool detach = false;
    std::vector<std::uint32_t> console_size;  // instead of the request's
};

// More processes in running containers. Kept in memory, as dockerd does: a new daemon knows none of them,
// though they run on.
class ContainerExecs {
 public:
    virtual ~ContainerExecs() = default;
    // Returns the exec's id.
    virtual Async<Result<std::string>> create(std::string ref, ExecRequest request) = 0;
    // Whether it has a terminal; an error if it is not there or its container does not take it now. Asked
    // before the connection is taken over.
    virtual Result<bool> startable(const std::string& id) = 0;
    // Starts it and returns; what it writes is thrown away.
    virtual Async<Result<>> start_detached(std::string id, ExecStart start) = 0;
    // Starts it and copies until it has ended, the client detaches, or the connection breaks.
    virtual Async<Result<>> run(std::string id, ExecStart start, async::Stream& client) = 0;
    virtual Async<Result<>> resize(std::string id, std::uint16_t rows, std::uint16_t columns) = 0;
    // JSON text of the API's object.
    virtual Result<std::string> inspect(const std::string& id) = 0;
    // Of those that run in a container.
    virtual std::vector<std::string> running_in(const std::string& container) const = 0;
};

// What runs in a container, and what it uses: from the kernel's own files, never through the container.
class ContainerStats {
 public:
    virtual ~ContainerStats() = default;
    // `ps` on the host, its lines about the container's processes. JSON text of the API's object.
    virtual Async<Result<std::string>> top(std::string ref, std::string ps_arguments) = 0;
    // One reading of a container's use; all zero while it does not run. `previous` is the one before, "" for
    // none. JSON text of the API's object.
    virtual Async<Result<std::string>> sample(std::string id, std::string previous) = 0;
};

// What `docker cp` asks first. The API's fields.
struct PathStat {
    std::string name;
    std::int64_t size = 0;
    std::uint32_t mode = 0;  // os.FileMode of Go
    Timestamp mtime{};
    std::string link_target;
};
// Bytes of a tar as they are made. Dropping it ends the work.
class FileStream {
 public:
    virtual ~FileStream() = default;
    // "" at the end, once all of it is known to be right.
    virtual Async<Result<std::string>> next() = 0;
    // Instead: has all of it written to a socket by whoever makes it, in HTTP's chunks but for the last one.
    virtual Async<Result<>> send_to(UniqueFd socket) = 0;
};
using TarInput = confine::TarInput;
struct ExtractRequest {
    std::string path;
    bool keep_kinds = false;       // a folder is not replaced by something else, nor the reverse
    bool container_owner = false;  // everything is to belong to the container's user
};

struct CommitOptions {
    std::string name;  // of the image; "": none
    std::string comment, author;
    bool pause = true;
    std::vector<std::string> changes;              // Dockerfile instructions
    std::optional<types::ContainerConfig> config;  // instead of the container's own
};

// Files of containers, running or not, seen as the container does. While one that does not run is being read
// or written, it is not started or removed.
class ContainerFiles {
 public:
    virtual ~ContainerFiles() = default;
    virtual Async<Result<PathStat>> stat(std::string ref, std::string path) = 0;
    struct Archive {
        PathStat stat;
        std::unique_ptr<FileStream> tar;
    };
    virtual Async<Result<Archive>> archive(std::string ref, std::string path) = 0;
    // `tar` may still be arriving. Returns whether nothing beyond its end has been read.
    virtual Async<Result<bool>> extract(std::string ref, ExtractRequest request, TarInput tar) = 0;
    virtual Async<Result<std::unique_ptr<FileStream>>> export_root(std::string ref) = 0;
    // JSON text of the API's array.
    virtual Async<Result<std::string>> changes(std::string ref) = 0;
    // Returns the new image's id.
    virtual Async<Result<std::string>> commit(std::string ref, CommitOptions options) = 0;
};

// A program with runc's command line.
struct RuntimeProgram {
    std::string path;  // "": the engine's own
    std::vector<std::string> arguments;
};

// What a container gets that does not say. It may change while the daemon runs; read on the io thread.
struct ContainerDefaults {
    std::map<std::string, RuntimeProgram> runtimes{{"runc", {}}, {"io.containerd.runc.v2", {}}};
    std::string runtime = "runc";
    std::string ipc_mode = "private", cgroupns_mode = "host";
    std::int64_t shm_size = 64 << 20;  // bytes
};

struct ContainerConfig {
    std::string data_root, state_root;
    std::string helper_path;  // of berth-helper
    IdMaps ids;               // userns-remap; every container's files belong to it
    std::string cgroup_parent = "/docker";
    std::string cgroup_root = "/sys/fs/cgroup";
    std::string default_log_driver = "json-file";
    std::map<std::string, std::string> default_log_options;
    bool init = false;      // for containers that do not say
    std::string init_path;  // of the program that --init puts in front
    bool cgroup_v2 = false;
    bool no_new_privileges = false;
    std::string seccomp_profile;             // as in spec::ContainerSpec
    std::vector<types::Ulimit> ulimits;      // beside those of the container itself
    std::vector<std::string> host_gateways;  // what host-gateway stands for; empty: the default bridge's
    ContainerDefaults defaults;
};

// The daemon's collaborators; all of them outlive the services.
struct ContainerParts {
    IoContext& io;
    async::BlockingPool& pool;
    // For what may wait for others: volumes of plugins and of servers, folders that the user names.
    async::BlockingPool& mount_pool;
    state::Database& database;
    events::EventSink& events;
    supervisor::TaskService& tasks;
    image::ImageService& images;
    snapshot::Snapshotter& snapshots;
    volumes::VolumeService& volumes;
    network::NetworkService& networks;
    ContainerConfig config;
};

class ContainerServices {
 public:
    virtual ~ContainerServices() = default;
    virtual ContainerLifecycle& lifecycle() = 0;
    virtual ContainerInspector& inspector() = 0;
    virtual ContainerStreams& streams() = 0;
    virtual ContainerNetworks& networks() = 0;
    virtual ContainerExecs& execs() = 0;
    virtual ContainerStats& stats() = 0;
    virtual ContainerFiles& files() = 0;
    // After a daemon start, before the first request: adopts what runs, replays the exits that happened
    // meanwhile, brings the networks up to date, takes away what was half done, starts what its restart
    // policy wants.
    virtual Async<Result<>> recover() = 0;
    virtual void set_defaults(ContainerDefaults defaults) = 0;
    // From now on what stops is not stopped by the user, and no restart policy answers: the next daemon does.
    virtual void begin_shutdown() = 0;
    // Ends the coroutines of this folder; containers go on running.
    virtual Async<void> close() = 0;
};

// `kSchema` (engine/container/store.h) must be among the database's schemas. Blocking: reads all containers.
Result<std::unique_ptr<ContainerServices>> open_container_services(ContainerParts parts);

}  // namespace berth::container
