#include "engine/image/unpacker.h"

#include <fmt/format.h>

#include "engine/base/ids.h"
#include "engine/base/log.h"
#include "engine/base/undo.h"
#include "engine/image/layer_stack.h"
#include "engine/image/parallel.h"

namespace berth::image {

namespace {
// An active snapshot with this prefix is a layer on its way; any other one is a container's.
constexpr std::string_view kUnfinished = "unpack-";
}  // namespace

std::string Unpacker::new_key() {
    return std::string(kUnfinished) + random_hex(16);
}

bool Unpacker::is_there(const Digest& chain) {
    auto found = snapshots_.stat(chain.text());
    return found && found->committed;
}

std::shared_ptr<std::mutex> Unpacker::lock_of(const std::string& chain) {
    std::lock_guard guard(mutex_);
    std::erase_if(locks_, [](const auto& entry) { return entry.second.expired(); });
    auto lock = locks_[chain].lock();
    if (!lock) {
        lock = std::make_shared<std::mutex>();
        locks_[chain] = lock;
    }
    return lock;
}

Result<confine::UnpackReport> Unpacker::extract(const Digest& layer, const std::string& key,
                                                const std::string& parent) {
    BERTH_TRY(sys::Mount mount, snapshots_.prepare(key, parent));
    BERTH_TRY(confine::LayerTarget target, confine::layer_target(mount));
    BERTH_TRY(UniqueFd blob, content_.open(layer));
    return confine::unpack_layer(helper_, blob.get(), target);
}

Result<> Unpacker::check(Result<confine::UnpackReport> report, const Digest& layer, const Digest& diff_id) {
    if (!report)
        return in("failed to extract layer " + layer.text(), Result<>(Failure(std::move(report.error()))));
    const Digest found = report->diff_id.value_or(layer);
    if (found == diff_id) return {};
    return fail(ErrorKind::kInvalidArgument,
                fmt::format("failed to extract layer {}: wrong diff id calculated on "
                            "extraction \"{}\", expected \"{}\"",
                            layer.text(), found.text(), diff_id.text()));
}

void Unpacker::remove_half(const std::string& key) {
    auto removed = snapshots_.remove(key);
    if (removed || removed.error().kind == ErrorKind::kNotFound) return;
    log::warning("a half unpacked layer stays", {{"snapshot", key}, {"error", removed.error().message}});
}

Result<> Unpacker::unpack_one(const Digest& layer, const Digest& diff_id, const std::string& chain,
                              const std::string& parent) {
    auto lock = lock_of(chain);
    std::lock_guard guard(*lock);
    if (auto there = snapshots_.stat(chain); there && there->committed) return {};
    std::string key = new_key();
    UndoStack undo;
    undo.push([&] { remove_half(key); });
    BERTH_CHECK(check(extract(layer, key, parent), layer, diff_id));
    auto committed = snapshots_.commit(key, chain);
    if (!committed && committed.error().kind != ErrorKind::kConflict) return committed;
    if (committed) undo.keep();
    return {};
}

Result<> Unpacker::unpack_again(const Digest& layer, const Digest& diff_id, const std::string& chain,
                                const std::string& parent) {
    std::string key = new_key();
    UndoStack undo;
    undo.push([&] { remove_half(key); });
    BERTH_CHECK(check(extract(layer, key, parent), layer, diff_id));
    BERTH_CHECK(snapshots_.replace(key, chain));
    undo.keep();
    return {};
}

namespace {

std::unique_ptr<LayerWork> take_from(LayersBegun* begun, std::mutex& mutex, const Digest& blob) {
    if (begun == nullptr) return {};
    std::lock_guard guard(mutex);
    auto found = begun->find(blob);
    return found == begun->end() ? nullptr : std::move(begun->extract(found).mapped());
}

}  // namespace

Result<> Unpacker::unpack(const PlatformImage& image, const Progress& progress, LayersBegun* begun) {
    std::mutex taking;
    std::vector<Digest> layers;
    for (const auto& layer : image.manifest.layers) layers.push_back(layer.digest);
    LayerStack stack(*this, std::move(layers), image.config.diff_ids, progress);
    return run_parallel(image.chain.size(), [&](std::size_t i) -> Result<> {
        auto work = take_from(begun, taking, image.manifest.layers[i].digest);
        if (work) {
            stack.take(i, std::move(work));
        } else if (!stack.is_in_place(i)) {
            BERTH_TRY(UniqueFd blob, content_.open(image.manifest.layers[i].digest));
            stack.begin(i, std::move(blob));
        }
        return stack.finish(i);
    });
}

Result<Digest> Unpacker::unpack_new(const Digest& layer, std::vector<Digest> below) {
    const std::string parent = below.empty() ? "" : oci::chain_ids(below).back().text();
    std::string key = new_key();
    UndoStack undo;
    undo.push([&] { (void)snapshots_.remove(key).has_value(); });
    BERTH_TRY(confine::UnpackReport report,
              in("failed to extract layer " + layer.text(), extract(layer, key, parent)));
    Digest diff_id = report.diff_id.value_or(layer);
    below.push_back(diff_id);
    auto committed = snapshots_.commit(key, oci::chain_ids(below).back().text());
    if (!committed && committed.error().kind != ErrorKind::kConflict) return Failure(committed.error());
    if (committed) undo.keep();
    return diff_id;
}

Result<> Unpacker::remove_unfinished() {
    BERTH_TRY(auto all, snapshots_.list());
    for (const auto& snapshot : all) {
        if (snapshot.committed || !snapshot.key.starts_with(kUnfinished)) continue;
        BERTH_CHECK(snapshots_.remove(snapshot.key));
    }
    return {};
}

}  // namespace berth::image
