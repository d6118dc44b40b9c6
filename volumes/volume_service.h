#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "engine/base/result.h"
#include "engine/base/time.h"
#include "engine/events/event.h"
#include "engine/state/database.h"
#include "engine/sys/mount.h"

namespace berth::volumes {

struct Volume {
    std::string name;
    std::string driver = "local";
    std::string mountpoint;  // DATA/volumes/NAME/_data
    std::map<std::string, std::string> options, labels;
    Timestamp created_at{};
    bool anonymous = false;
};

// Named and anonymous local volumes. Safe from any thread; durable when a call returns. Error texts are
// Docker's.
class VolumeService {
 public:
    virtual ~VolumeService() = default;
    // "" makes an anonymous volume with an ID for a name. An existing volume of the same driver is returned
    // as it is.
    virtual Result<Volume> create(std::string name, std::string driver,
                                  std::map<std::string, std::string> options,
                                  std::map<std::string, std::string> labels) = 0;
    virtual Result<Volume> inspect(const std::string& name) = 0;
    virtual Result<std::vector<Volume>> list() = 0;
    // kConflict while containers use it ("remove NAME: volume is in use - [ID, …]"); with force a missing one
    // is no error.
    virtual Result<> remove(const std::string& name, bool force) = 0;

    // A container refers to a volume from create to rm. acquire() on a volume that is not there makes it.
    virtual Result<Volume> acquire(const std::string& name, const std::string& container) = 0;
    virtual Result<> release(const std::string& container) = 0;
    virtual std::vector<std::string> users(const std::string& name) = 0;

    // Copies what the image has at `target` into a still empty volume: contents, and the folder's owner and
    // mode. `root_fd` is the container's root (detached mount); `target` is resolved inside it.
    virtual Result<> copy_up(const std::string& name, int root_fd, const std::string& target) = 0;
};

// Copies what is below one folder into another, as confine::copy_tree does.
using TreeCopy = std::function<Result<>(int source_fd, int target_fd)>;

struct VolumeConfig {
    std::string root;    // DATA/volumes, made if it is not there
    TreeCopy copy_tree;  // for copy_up(); without it only empty folders of an image can be taken over
};

extern const state::Schema kSchema;
// JSON copies lie in ROOT/NAME/volume.json; a database that has lost its rows is filled from them (but for
// who uses what: containers say that again). `database` and `events` must outlive the service.
Result<std::unique_ptr<VolumeService>> open_volume_service(VolumeConfig config, state::Database& database,
                                                           events::EventSink& events);

}  // namespace berth::volumes
