#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "engine/base/id_maps.h"
#include "engine/base/result.h"
#include "engine/base/time.h"
#include "engine/base/unique_fd.h"
#include "engine/events/event.h"
#include "engine/plugins/plugin_call.h"
#include "engine/state/database.h"
#include "engine/sys/mount.h"

namespace berth::volumes {

struct Volume {
    std::string name;
    std::string driver = "local";
    std::string mountpoint;  // DATA/volumes/NAME/_data; of a plugin's volume what it says, "" if nothing
    std::map<std::string, std::string> options, labels;
    Timestamp created_at{};
    bool anonymous = false;
    std::string scope = "local";  // or "global"
    std::string status;           // JSON object that a plugin shows in inspect; "" for none
};

// What a volume is made of. No name: an anonymous one, with an ID for a name. No driver: "local".
struct NewVolume {
    std::string name, driver;
    std::map<std::string, std::string> options, labels;
};

// A container's reference to a volume; `live`: it runs.
struct VolumeUse {
    std::string volume, container;
    bool live = false;
};

// Named and anonymous volumes. Safe from any thread; durable when a call returns. Error texts are Docker's.
class VolumeService {
 public:
    virtual ~VolumeService() = default;
    // An existing volume of the same driver is returned as it is.
    virtual Result<Volume> create(NewVolume wanted) = 0;
    // Both ask the plugins as well, and know of volumes that only a plugin has. A plugin that does not answer
    // is left out of the list.
    virtual Result<Volume> inspect(const std::string& name) = 0;
    virtual Result<std::vector<Volume>> list() = 0;
    // kConflict while containers use it ("remove NAME: volume is in use - [ID, …]"); with force a missing one
    // is no error, and one whose plugin fails is forgotten.
    virtual Result<> remove(const std::string& name, bool force) = 0;

    // A container refers to a volume from create to rm. acquire() makes the volume if it is not there, as
    // create() does, so that nobody removes it in between.
    virtual Result<Volume> acquire(NewVolume wanted, const std::string& container) = 0;
    virtual Result<> release(const std::string& container) = 0;
    virtual std::vector<std::string> users(const std::string& name) = 0;

    // A container's run needs the volume's contents from mount() to unmount(): what the volume's options or
    // its driver have to mount is there as long as any container needs it. mount() says where; again for the
    // same container it only does that.
    virtual Result<std::string> mount(const std::string& name, const std::string& container) = 0;
    // All of a container's. One that has none is no error.
    virtual Result<> unmount(const std::string& container) = 0;
    // After a daemon start: all that refers to volumes, and which of it runs. References of what is not among
    // them go, and what nothing live needs any more is unmounted.
    virtual Result<> recover(const std::vector<VolumeUse>& uses) = 0;

    // Of a mounted volume: the file or folder at `subpath` (relative; "" is all of it), found without
    // following a link and never outside, as an O_PATH descriptor.
    virtual Result<UniqueFd> open(const std::string& name, const std::string& subpath) = 0;
    // Copies what the image has at `target` into a mounted volume (at `subpath`, a folder) that is still
    // empty: contents, and the folder's owner and mode. `root_fd` is the container's root (detached mount);
    // `target` is resolved inside it. A copy that was cut short by a crash is done again, never taken as
    // complete.
    virtual Result<> copy_up(const std::string& name, const std::string& subpath, int root_fd,
                             const std::string& target) = 0;
};

// Copies what is below one folder into another, as confine::copy_tree does.
using TreeCopy = std::function<Result<>(int source_fd, int target_fd)>;
// Mounts at `mount.target` what may not answer, as confine::mount_at does.
using MountCall = std::function<Result<>(const sys::Mount& mount, bool loop)>;

struct VolumeConfig {
    std::string root;    // DATA/volumes, made if it is not there
    TreeCopy copy_tree;  // for copy_up(); without it only empty folders of an image can be taken over
    MountCall mount;     // for volumes with type, device and o
    plugins::PluginFolders plugin_folders;
    plugins::PluginCall call_plugin;  // without it there are no plugins
    Owner owner;                      // of a new volume's contents
};

extern const state::Schema kSchema;
// JSON copies lie in ROOT/NAME/volume.json; a database that has lost its rows is filled from them (but for
// who uses what: recover() says that again). `database` and `events` must outlive the service.
Result<std::unique_ptr<VolumeService>> open_volume_service(VolumeConfig config, state::Database& database,
                                                           events::EventSink& events);

}  // namespace berth::volumes
