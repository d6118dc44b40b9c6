#include "volumes/local_driver.h"

#include "volumes/checks.h"
#include "volumes/option_mount.h"

namespace berth::volumes {

Result<> LocalDriver::create(Volume& volume) {
    BERTH_CHECK(check_options(volume.options));
    volume.mountpoint = folders_.mountpoint(volume.name);
    return folders_.add(volume, true);
}

Result<> LocalDriver::remove(const Volume& volume) {
    // Whatever is still mounted there must not be deleted along.
    BERTH_CHECK(unmount_at(volume.mountpoint));
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
    if (!mounted) BERTH_CHECK(mount_options(volume.options, volume.mountpoint));
    return volume.mountpoint;
}

Result<> LocalDriver::unmount(const Volume& volume, const std::string&, bool last) {
    return last ? unmount_at(volume.mountpoint) : Result<>();
}

}  // namespace berth::volumes
