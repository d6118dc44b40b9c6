#include "engine/image/layer_stack.h"

#include <fmt/format.h>

#include "engine/base/ids.h"
#include "engine/base/log.h"
#include "engine/image/progress_lines.h"

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

void LayerStack::say_extracting(const Layer& layer) const {
    if (progress_) progress_(time_line("Extracting", std::string(short_id(layer.blob.hex())), 1));
}

bool LayerStack::is_in_place(std::size_t index) {
    return unpacker_.is_there(layers_[index]->chain);
}

void LayerStack::begin(std::size_t index, UniqueFd file) {
    Layer& layer = *layers_[index];
    std::lock_guard guard(layer.mutex);
    layer.work.reset();
    layer.unpacked = false;
    if (is_in_place(index)) return;
    std::optional<std::string> parent;
    if (index == 0 || is_in_place(index - 1)) parent = below(index);
    auto begun = LayerWork::begin(unpacker_, std::move(file), parent);
    if (begun) {
        layer.work = std::move(*begun);
        return;
    }
    // finish() tries again, and has a caller to tell.
    log::info("a layer is not unpacked while it arrives",
              {{"layer", layer.blob.text()}, {"error", begun.error().message}});
}

void LayerStack::take(std::size_t index, std::unique_ptr<LayerWork> work) {
    Layer& layer = *layers_[index];
    std::lock_guard guard(layer.mutex);
    layer.work = std::move(work);
}

void LayerStack::grown(std::size_t index, std::uint64_t bytes) {
    Layer& layer = *layers_[index];
    std::lock_guard guard(layer.mutex);
    if (layer.work) layer.work->grown(bytes);
}

Result<> LayerStack::finish(std::size_t index) {
    Layer& layer = *layers_[index];
    {
        std::lock_guard guard(layer.mutex);
        if (layer.work) say_extracting(layer);
        if (layer.work) BERTH_CHECK(end(layer));
        layer.whole = true;
    }
    return put_in_place();
}

// Waits for the helper that unpacks the layer.
Result<> LayerStack::end(Layer& layer) {
    BERTH_TRY(const std::uint64_t size, unpacker_.content().size(layer.blob));
    auto report = layer.work->finish(size);
    layer.unpacked = report.has_value();
    if (!report) layer.work.reset();
    if (!report && report.error().kind == ErrorKind::kConflict) return {};
    auto checked = unpacker_.check(std::move(report), layer.blob, layer.diff_id);
    if (checked) return {};
    layer.work.reset();
    layer.unpacked = false;
    return Failure(std::move(checked.error()));
}

Result<> LayerStack::put_in_place() {
    std::lock_guard guard(placing_);
    for (; placed_ < layers_.size(); ++placed_) {
        Layer& layer = *layers_[placed_];
        std::lock_guard own(layer.mutex);
        if (!is_in_place(placed_)) {
            if (!layer.whole) return {};
            BERTH_CHECK(place(placed_));
            if (progress_) progress_(end_line("Pull complete", std::string(short_id(layer.blob.hex()))));
        } else if (layer.whole) {
            // Another pull was faster.
            layer.work.reset();
        }
    }
    return {};
}

Result<> LayerStack::place(std::size_t index) {
    Layer& layer = *layers_[index];
    const std::string parent = below(index), chain = layer.chain.text();
    if (!layer.unpacked) {
        say_extracting(layer);
        return unpacker_.unpack_one(layer.blob, layer.diff_id, chain, parent);
    }
    auto committed = layer.work->commit(chain, parent);
    layer.work.reset();
    layer.unpacked = false;
    return committed;
}

}  // namespace berth::image
