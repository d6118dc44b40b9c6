#pragma once

#include <mutex>
#include <optional>

#include "volumes/local_driver.h"
#include "volumes/name_locks.h"
#include "volumes/plugins.h"
#include "volumes/slow_mounts.h"
#include "volumes/volume_store.h"

namespace berth::volumes {

// VolumeService over folders, rows and drivers. What is done to one volume is done under its name's lock and
// may wait for the disk or a driver; `mutex_` covers the maps and is never held over anything that waits.
class Service final : public VolumeService {
 public:
    Service(Folders folders, VolumeStore store, VolumeConfig config, events::EventSink& events);
    Result<> load();

    Result<Volume> create(NewVolume wanted) override;
    Result<Volume> inspect(const std::string& name) override;
    Result<std::vector<Volume>> list() override;
    Result<> remove(const std::string& name, bool force) override;
    Result<Volume> acquire(NewVolume wanted, const std::string& container) override;
    Result<> release(const std::string& container) override;
    std::vector<std::string> users(const std::string& name) override;
    Result<std::string> mount(const std::string& name, const std::string& container) override;
    Result<> unmount(const std::string& container) override;
    Result<> recover(const std::vector<VolumeUse>& uses) override;
    Result<UniqueFd> open(const std::string& name, const std::string& subpath) override;
    Result<> copy_up(const std::string& name, const std::string& subpath, int root_fd,
                     const std::string& target) override;

 private:
    // With the name's lock held.
    Result<Volume> find_or_make(NewVolume wanted);
    Result<Volume> make(NewVolume wanted);
    Result<> destroy(const Volume& volume, bool force);
    Result<std::string> mount_recorded(VolumeDriver& driver, const Volume& volume,
                                       const std::string& container);
    Result<> unmount_one(const std::string& name, const std::string& container);

    Result<Volume> get(const std::string& name);
    std::optional<Volume> find(const std::string& name);
    // Also what only a plugin knows.
    std::optional<Volume> find_anywhere(const std::string& name);
    Result<VolumeDriver*> driver_of(const std::string& name);
    void publish(std::string action, const Volume& volume);

    Folders folders_;
    VolumeStore store_;
    TreeCopy copy_tree_;
    events::EventSink& events_;
    LocalDriver local_;
    Plugins plugins_;
    NameLocks names_;
    SlowMounts slow_;
    std::mutex mutex_;
    std::map<std::string, Volume> volumes_;
    Users users_, mounted_;
};

}  // namespace berth::volumes
