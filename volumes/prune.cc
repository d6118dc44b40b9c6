#include "volumes/prune.h"

#include "engine/sys/disk_usage.h"

namespace berth::volumes {

Result<PruneReport> prune(VolumeService& volumes, events::EventSink& events,
                          const std::function<bool(const Volume&)>& wanted) {
    PruneReport out;
    BERTH_TRY(const auto all, volumes.list());
    for (const auto& volume : all) {
        // What lies elsewhere is not the engine's to delete: Docker spares what has options, too.
        if (volume.driver != "local" || !volume.options.empty()) continue;
        if (!volumes.users(volume.name).empty() || !wanted(volume)) continue;
        // What cannot be counted can still be removed.
        const auto usage = sys::disk_usage(volume.mountpoint);
        const auto bytes = usage ? usage->content : 0;
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
