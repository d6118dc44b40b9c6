#include "volumes/local_driver.h"

#include <cerrno>
#include <climits>

#include "engine/base/size.h"
#include "engine/sys/project_quota.h"
#include "volumes/checks.h"
#include "volumes/option_mount.h"

namespace berth::volumes {

namespace {

// What "size" asks for; 0 for nothing.
std::uint64_t size_of(const Volume& volume) {
    const auto wanted = volume.options.find("size");
    if (wanted == volume.options.end()) return 0;
    const auto size = parse_size(wanted->second, SizeUnits::kBinary);
    return size && *size > 0 ? static_cast<std::uint64_t>(*size) : 0;
}

}  // namespace

LocalDriver::LocalDriver(Folders& folders, MountCall mount)
    : folders_(folders),
      mount_(std::move(mount)),
      has_quota_(sys::can_limit_folders(folders.root(), folders.root())) {}

Result<> LocalDriver::limit(const Volume& volume, const std::string& folder) const {
    const std::uint64_t size = size_of(volume);
    return size == 0 ? Result<>() : sys::limit_folder(folder, size, folders_.root());
}

Result<> LocalDriver::create(Volume& volume) {
    BERTH_CHECK(check_options(volume.options, has_quota_));
    if (volume.name.size() > NAME_MAX) {
        const std::string folder = folders_.folder(volume.name);
        return fail_errno("error while creating volume root path '" + folder + "': mkdir " + folder,
                          ENAMETOOLONG);
    }
    volume.mountpoint = folders_.mountpoint(volume.name);
    if (needs_mount(volume)) return folders_.add(volume, true);
    // Before it has a name, so that there is never one without its limit.
    return folders_.add(volume, true, [&](const std::string& folder) { return limit(volume, folder); });
}

Result<> LocalDriver::remove(const Volume& volume) {
    // Whatever is still mounted there must not be deleted along.
    BERTH_CHECK(unmount_at(volume.mountpoint));
    if (size_of(volume) > 0) (void)sys::unlimit_folder(volume.mountpoint, folders_.root());
    return folders_.remove(volume.name);
}

bool LocalDriver::needs_mount(const Volume& volume) {
    auto given = [&](const char* name) {
        auto found = volume.options.find(name);
        return found != volume.options.end() && !found->second.empty();
    };
    return given("device") || given("type");
}

Result<std::string> LocalDriver::mount(const Volume& volume, const std::string&) {
    // It outlives the daemon: what the kernel says counts.
    BERTH_TRY(const bool mounted, is_mount_point(volume.mountpoint));
    if (mounted) return volume.mountpoint;
    BERTH_CHECK(mount_options(volume.options, volume.mountpoint, mount_));
    if (auto limited = limit(volume, volume.mountpoint); !limited) {
        (void)unmount_at(volume.mountpoint);
        return Failure(std::move(limited.error()));
    }
    return volume.mountpoint;
}

Result<> LocalDriver::unmount(const Volume& volume, const std::string&, bool last) {
    return last ? unmount_at(volume.mountpoint) : Result<>();
}

}  // namespace berth::volumes
