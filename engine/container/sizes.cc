#include "engine/container/sizes.h"

#include <numeric>

namespace berth::container {

namespace {

// Of the layers below; the image knows them by heart, without it they are walked.
Result<std::uint64_t> lower_size(const Core& core, const Container& container) {
    if (container.snapshot_parent.empty()) return 0;
    if (auto image = core.parts.images.inspect(container.image_id)) {
        return std::accumulate(image->layer_sizes.begin(), image->layer_sizes.end(), std::uint64_t{0});
    }
    std::uint64_t bytes = 0;
    for (std::string layer = container.snapshot_parent; !layer.empty();) {
        BERTH_TRY(auto info, core.parts.snapshots.stat(layer));
        BERTH_TRY(auto size, core.parts.snapshots.usage(layer));
        bytes += size;
        layer = info.parent;
    }
    return bytes;
}

}  // namespace

std::string Sizes::members() const {
    return ",\"SizeRw\":" + std::to_string(writable) + ",\"SizeRootFs\":" + std::to_string(total);
}

Result<Sizes> container_sizes(const Core& core, const Container& container) {
    Sizes sizes;
    BERTH_TRY(sizes.writable, core.parts.snapshots.usage(container.id));
    BERTH_TRY(std::uint64_t below, lower_size(core, container));
    sizes.total = sizes.writable + below;
    return sizes;
}

}  // namespace berth::container
