#include "volumes/prune.h"

#include <ftw.h>
#include <sys/stat.h>

namespace berth::volumes {

namespace {

// nftw(3) has no argument to pass along.
thread_local std::uint64_t counted = 0;

int count(const char*, const struct stat* info, int, struct FTW* place) {
    if (place->level > 0) counted += static_cast<std::uint64_t>(info->st_blocks) * 512;
    return 0;
}

}  // namespace

std::uint64_t disk_usage(const std::string& mountpoint) {
    constexpr int kDescriptors = 16;
    counted = 0;
    nftw(mountpoint.c_str(), count, kDescriptors, FTW_PHYS | FTW_MOUNT);
    return counted;
}

Result<PruneReport> prune(VolumeService& volumes, events::EventSink& events,
                          const std::function<bool(const Volume&)>& wanted) {
    PruneReport out;
    BERTH_TRY(const auto all, volumes.list());
    for (const auto& volume : all) {
        if (!volumes.users(volume.name).empty() || !wanted(volume)) continue;
        const auto bytes = disk_usage(volume.mountpoint);
        auto removed = volumes.remove(volume.name, false);
        if (removed) {
            out.names.push_back(volume.name);
            out.bytes += bytes;
        } else if (removed.error().kind != ErrorKind::kConflict &&
                   removed.error().kind != ErrorKind::kNotFound) {
            return Failure(std::move(removed.error()));
        }
    }
    events::Event event;
    event.type = "volume";
    event.action = "prune";
    event.attributes = {{"reclaimed", std::to_string(out.bytes)}};
    events.publish(std::move(event));
    return out;
}

}  // namespace berth::volumes
