#include "engine/image/layer_stack.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "engine/base/ids.h"
#include "engine/base/log.h"

namespace berth::image {

LayerStack::LayerStack(Unpacker& unpacker, std::vector<Digest> layers, std::vector<Digest> diff_ids,
                       Progress progress)
    : unpacker_(unpacker), progress_(std::move(progress)) {
    const auto chain = oci::chain_ids(diff_ids);
    for (std::size_t i = 0; i < layers.size(); ++i) {
        layers_.push_back(std::unique_ptr<Layer>(
            new Layer{.blob = std::move(layers[i]), .diff_id = std::move(diff_ids[i]), .chain = chain[i]}));
    }
}

LayerStack::~LayerStack() {
    for (auto& layer : layers_) drop(*layer);
}

void LayerStack::drop(Layer& layer) {
    layer.unpacker.reset();
    layer.file.reset();
    layer.unpacked = false;
    if (layer.key.empty()) return;
    auto removed = unpacker_.snapshots().remove(layer.key);
    if (!removed && removed.error().kind != ErrorKind::kNotFound) {
        log::warning("a half unpacked layer stays",
                     {{"snapshot", layer.key}, {"error", removed.error().message}});
    }
    layer.key.clear();
}

void LayerStack::say(const Layer& layer, const char* status) const {
    if (!progress_) return;
    progress_(nlohmann::json{{"status", status},
                             {"progressDetail", nlohmann::json::object()},
                             {"id", std::string(short_id(layer.blob.hex()))}}
                  .dump());
}

bool LayerStack::is_in_place(std::size_t index) {
    return unpacker_.is_there(layers_[index]->chain);
}

void LayerStack::begin(std::size_t index, UniqueFd file) {
    Layer& layer = *layers_[index];
    std::lock_guard guard(layer.mutex);
    drop(layer);
    if (is_in_place(index)) return;
    // finish() tries again, and has a caller to tell.
    if (auto started = start(index, std::move(file)); !started) {
        log::info("a layer is not unpacked while it arrives",
                  {{"layer", layer.blob.text()}, {"error", started.error().message}});
        drop(layer);
    }
}

Result<> LayerStack::start(std::size_t index, UniqueFd file) {
    Layer& layer = *layers_[index];
    layer.has_parents = index == 0 || is_in_place(index - 1);
    layer.key = Unpacker::new_key();
    BERTH_TRY(sys::Mount mount,
              unpacker_.snapshots().prepare(layer.key, layer.has_parents ? below(index) : ""));
    BERTH_TRY(confine::LayerTarget target, confine::layer_target(mount));
    target.below_unknown = !layer.has_parents;
    layer.file = std::move(file);
    BERTH_TRY(layer.unpacker, confine::LayerUnpacker::start(unpacker_.helper(), layer.file.get(), target));
    return {};
}

void LayerStack::grown(std::size_t index, std::uint64_t bytes) {
    Layer& layer = *layers_[index];
    std::lock_guard guard(layer.mutex);
    if (layer.unpacker) layer.unpacker->grown(bytes);
}

Result<> LayerStack::finish(std::size_t index) {
    Layer& layer = *layers_[index];
    {
        std::lock_guard guard(layer.mutex);
        if (layer.unpacker) say(layer, "Extracting");
        if (layer.unpacker) BERTH_CHECK(end(layer));
        layer.whole = true;
    }
    return put_in_place();
}

// Waits for the helper that unpacks the layer.
Result<> LayerStack::end(Layer& layer) {
    BERTH_TRY(const std::uint64_t size, unpacker_.content().size(layer.blob));
    auto report = layer.unpacker->finish(size);
    if (!report && report.error().kind == ErrorKind::kConflict) {
        drop(layer);
        return {};
    }
    auto checked = unpacker_.check(std::move(report), layer.blob, layer.diff_id);
    if (!checked) {
        drop(layer);
        return Failure(std::move(checked.error()));
    }
    layer.unpacker.reset();
    layer.file.reset();
    layer.has_own_root = checked->names_root;
    layer.unpacked = true;
    return {};
}

Result<> LayerStack::put_in_place() {
    std::lock_guard guard(placing_);
    for (; placed_ < layers_.size(); ++placed_) {
        Layer& layer = *layers_[placed_];
        std::lock_guard own(layer.mutex);
        if (!is_in_place(placed_)) {
            if (!layer.whole) return {};
            BERTH_CHECK(place(placed_));
            say(layer, "Pull complete");
        } else if (layer.whole) {
            // Another pull was faster.
            drop(layer);
        }
    }
    return {};
}

Result<> LayerStack::place(std::size_t index) {
    Layer& layer = *layers_[index];
    const std::string parent = below(index), chain = layer.chain.text();
    if (!layer.unpacked) say(layer, "Extracting");
    if (!layer.unpacked) return unpacker_.unpack_one(layer.blob, layer.diff_id, chain, parent);
    auto& snapshots = unpacker_.snapshots();
    auto committed = layer.has_parents ? snapshots.commit(layer.key, chain)
                                       : snapshots.commit_onto(layer.key, chain, parent, layer.has_own_root);
    if (committed) layer.key.clear();
    drop(layer);
    const bool there = !committed && committed.error().kind == ErrorKind::kConflict;
    return there ? Result<>() : committed;
}

}  // namespace berth::image
