#include "engine/image/layer_work.h"

#include "engine/base/log.h"

namespace berth::image {

LayerWork::LayerWork(Unpacker& unpacker, UniqueFd file, bool has_parent)
    : unpacker_(unpacker), key_(Unpacker::new_key()), file_(std::move(file)), has_parent_(has_parent) {}

Result<std::unique_ptr<LayerWork>> LayerWork::begin(Unpacker& unpacker, UniqueFd file,
                                                    const std::optional<std::string>& parent) {
    std::unique_ptr<LayerWork> work(new LayerWork(unpacker, std::move(file), parent.has_value()));
    BERTH_TRY(sys::Mount mount, unpacker.snapshots().prepare(work->key_, parent.value_or("")));
    BERTH_TRY(confine::LayerTarget target, confine::layer_target(mount));
    target.below_unknown = !parent;
    BERTH_TRY(work->helper_, confine::LayerUnpacker::start(unpacker.helper(), work->file_.get(), target));
    return work;
}

LayerWork::~LayerWork() {
    helper_.reset();
    if (key_.empty()) return;
    auto removed = unpacker_.snapshots().remove(key_);
    if (!removed && removed.error().kind != ErrorKind::kNotFound) {
        log::warning("a half unpacked layer stays", {{"snapshot", key_}, {"error", removed.error().message}});
    }
}

Result<confine::UnpackReport> LayerWork::finish(std::uint64_t bytes) {
    auto report = helper_->finish(bytes);
    if (report) has_own_root_ = report->names_root;
    return report;
}

Result<> LayerWork::commit(const std::string& chain, const std::string& parent) {
    auto& snapshots = unpacker_.snapshots();
    // The lowest one stands on nothing, whether that was known or not.
    auto committed = has_parent_ || parent.empty()
                         ? snapshots.commit(key_, chain)
                         : snapshots.commit_onto(key_, chain, parent, has_own_root_);
    if (committed) key_.clear();
    const bool there = !committed && committed.error().kind == ErrorKind::kConflict;
    return there ? Result<>() : committed;
}

}  // namespace berth::image
