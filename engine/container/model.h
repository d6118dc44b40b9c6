#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "api-spec/types/container_config.h"
#include "api-spec/types/host_config.h"
#include "api-spec/types/networking_config.h"
#include "engine/base/result.h"
#include "engine/base/time.h"
#include "engine/supervisor/health.h"

namespace berth::container {

enum class Status { kCreated, kRunning, kPaused, kRestarting, kRemoving, kExited, kDead };

// What changes from start to start.
struct State {
    Status status = Status::kCreated;
    pid_t pid = 0;
    int exit_code = 0;
    bool oom_killed = false;
    std::string error;
    Timestamp started_at = kNever, finished_at = kNever;
    int restart_count = 0;
    bool stopped_by_user = false;  // "unless-stopped" leaves it alone after a daemon start
    std::shared_ptr<const supervisor::Health> health;  // none without a health check

    bool live() const { return status == Status::kRunning || status == Status::kPaused; }
};

// A mount as inspect shows it, and as a start makes it.
struct MountPoint {
    std::string type;  // bind, volume, tmpfs, image
    std::string name;  // of a volume; of an image as it was asked for
    std::string source, destination, driver, mode, propagation;
    bool read_write = true;
    bool copy_up = false;          // a volume that is filled from the image while it is empty
    bool anonymous = false;        // goes with `rm -v` and --rm
    bool create_source = false;    // -v makes a missing folder on the host, --mount does not
    bool own_propagation = false;  // asked for, not the default
    bool non_recursive = false;    // what is mounted below a bind's source stays out
    // Of a read-only mount: what is mounted below stays writable; or the start fails where the kernel cannot
    // make it read-only.
    bool read_only_non_recursive = false, read_only_force_recursive = false;
    std::string subpath;               // of a volume or an image: what is mounted of it; relative, clean
    std::vector<std::string> options;  // of a tmpfs
    // What a volume that is not there is made with. Not kept: by then it is there.
    std::map<std::string, std::string> volume_labels, volume_options;
};

// `--link` on the default bridge: the other container, its name then, and what this one calls it.
struct Link {
    std::string id, name, alias;
};

// One container. Values of this type are shared as `const`: a change is a new value in the store.
struct Container {
    std::string id;
    std::string name;  // without the slash
    Timestamp created_at{};
    std::string image_id, manifest_id;  // "sha256:…"
    std::string snapshot_parent;
    std::string os = "linux", architecture;
    std::string path;  // the program, and its arguments
    std::vector<std::string> args;
    types::ContainerConfig config;  // the image's merged in
    types::HostConfig host;
    std::string network;  // "bridge", "none", "host", "container:ID", or a network's name
    std::map<std::string, types::EndpointRequest> endpoints;  // by network; none in another's namespace
    std::vector<Link> links;
    std::vector<MountPoint> mounts;
    State state;
};
using ContainerPtr = std::shared_ptr<const Container>;

const char* status_text(Status status);
std::optional<Status> parse_status(const std::string& text);

// JSON of the record and of the state, as the database and config.json keep them: the API's own names for
// what the API has, "State" beside it.
std::string render_record(const Container& container);
std::string render_state(const State& state);
Result<Container> parse_record(const std::string& record);
Result<State> parse_state(const std::string& state);

}  // namespace berth::container
