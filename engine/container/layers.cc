#include "engine/container/layers.h"

namespace berth::container {

Result<confine::FileTask::Layers> layers_of(const Core& core, const Container& container) {
    confine::FileTask::Layers layers;
    // What a start makes in every root is no change of the container's.
    layers.scaffold = {
        "/.dockerenv", "/dev",  "/dev/console",  "/dev/mqueue", "/dev/pts",         "/dev/shm", "/etc",
        "/etc/hosts",  "/proc", "/etc/hostname", "/etc/mtab",   "/etc/resolv.conf", "/sys"};
    BERTH_TRY(auto snapshot, core.parts.snapshots.stat(container.id));
    layers.upper = snapshot.upper;
    for (std::string parent = snapshot.parent; !parent.empty();) {
        BERTH_TRY(auto layer, core.parts.snapshots.stat(parent));
        layers.lower.push_back(layer.upper);
        parent = layer.parent;
    }
    return layers;
}

}  // namespace berth::container
