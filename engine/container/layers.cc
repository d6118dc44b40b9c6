#include "engine/container/layers.h"

#include "engine/container/scaffold.h"

namespace berth::container {

Result<confine::FileTask::Layers> layers_of(const Core& core, const Container& container) {
    confine::FileTask::Layers layers;
    layers.scaffold = scaffold_paths();
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
