#include "engine/container/layers.h"

#include "engine/container/scaffold.h"

namespace berth::container {

Result<confine::FileTask::Layers> layers_of(const Core& core, const Container& container) {
    confine::FileTask::Layers layers;
    BERTH_TRY(auto snapshot, core.parts.snapshots.stat(container.id));
    layers.upper = snapshot.upper;
    for (std::string parent = snapshot.parent; !parent.empty();) {
        BERTH_TRY(auto layer, core.parts.snapshots.stat(parent));
        layers.lower.push_back(layer.upper);
        parent = layer.parent;
    }
    if (auto below = scaffold(core.parts.config.data_root); !below.empty()) layers.lower.push_back(below);
    return layers;
}

}  // namespace berth::container
