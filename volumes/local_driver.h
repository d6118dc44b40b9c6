#pragma once

#include "volumes/driver.h"
#include "volumes/folders.h"

namespace berth::volumes {

// "local": a folder below the data root; with options type, device and o, what they name is mounted on it
// while a container runs.
class LocalDriver final : public VolumeDriver {
 public:
    LocalDriver(Folders& folders, MountCall mount);
    Result<> create(Volume& volume) override;
    Result<> remove(const Volume& volume) override;
    Result<> refresh(Volume&) override { return {}; }
    bool needs_mount(const Volume& volume) override;
    Result<std::string> mount(const Volume& volume, const std::string& user) override;
    Result<> unmount(const Volume& volume, const std::string& user, bool last) override;

 private:
    Result<> limit(const Volume& volume, const std::string& folder) const;

    Folders& folders_;
    MountCall mount_;
    bool has_quota_;
};

}  // namespace berth::volumes
