#include "engine/image/collector.h"

#include <algorithm>
#include <set>

#include "engine/base/log.h"

namespace berth::image {

std::shared_ptr<void> Collector::pin() {
    std::lock_guard guard(mutex_);
    ++pins_;
    return {nullptr, [self = shared_from_this()](void*) { self->unpin(); }};
}

void Collector::unpin() {
    Result<> swept;
    {
        std::lock_guard guard(mutex_);
        if (--pins_ > 0 || !put_off_) return;
        swept = sweep();
    }
    if (swept) swept = snapshots_.clear_discarded();
    if (!swept) log::warning("images were not collected", {{"error", swept.error().message}});
}

Result<> Collector::collect() {
    {
        std::lock_guard guard(mutex_);
        put_off_ = true;
        if (pins_ > 0) return {};
        BERTH_CHECK(sweep());
    }
    return snapshots_.clear_discarded();
}

// Called with the mutex held: nobody can pin while blobs go.
Result<> Collector::sweep() {
    put_off_ = false;
    BERTH_TRY(std::vector<NamedTarget> names, references_.list());
    std::set<Digest> blobs;
    std::vector<std::string> chains;
    for (const NamedTarget& named : names) {
        for (const Digest& blob : reachable_blobs(content_, named.target)) blobs.insert(blob);
        const oci::Descriptor top{.media_type = named.media_type, .digest = named.target};
        for (const ReachedManifest& reached : reached_manifests(content_, top)) add_chain(reached, chains);
    }
    BERTH_CHECK(sweep_snapshots(chains));
    BERTH_CHECK(settle_others(chains));
    BERTH_TRY(std::vector<Digest> all, content_.list());
    for (const Digest& blob : all) {
        if (!blobs.contains(blob)) BERTH_CHECK(content_.remove(blob));
    }
    return {};
}

// A layer that only a container still needs cannot be made again once its blob is gone.
Result<> Collector::settle_others(const std::vector<std::string>& live) {
    const std::set<std::string> named(live.begin(), live.end());
    BERTH_TRY(const std::vector<snapshot::SnapshotInfo> all, snapshots_.list());
    const bool needed = std::any_of(all.begin(), all.end(), [&](const snapshot::SnapshotInfo& info) {
        return info.unsettled && !named.contains(info.key);
    });
    return needed ? snapshots_.settle() : Result<>();
}

void Collector::add_chain(const ReachedManifest& reached, std::vector<std::string>& chains) {
    if (!reached.manifest || !reached.manifest->runnable()) return;
    auto text = content_.read(reached.manifest->config.digest);
    auto config = text ? oci::parse_image_config(*text) : Result<oci::ImageConfig>(Failure(text.error()));
    if (!config) return;
    for (const Digest& chain : oci::chain_ids(config->diff_ids)) chains.push_back(chain.text());
}

Result<> Collector::sweep_snapshots(const std::vector<std::string>& live) {
    std::set<std::string> keep(live.begin(), live.end());
    BERTH_TRY(std::vector<snapshot::SnapshotInfo> all, snapshots_.list());
    // A container's writable layer keeps all below it.
    for (const snapshot::SnapshotInfo& info : all) {
        if (!info.committed) keep.insert(info.parent);
    }
    bool removed = true;
    while (removed) {
        removed = false;
        std::set<std::string> parents;
        for (const snapshot::SnapshotInfo& info : all) parents.insert(info.parent);
        for (auto info = all.begin(); info != all.end();) {
            bool goes = info->committed && !keep.contains(info->key) && !parents.contains(info->key);
            if (!goes) {
                ++info;
                continue;
            }
            BERTH_CHECK(snapshots_.discard(info->key));
            info = all.erase(info);
            removed = true;
        }
    }
    return {};
}

}  // namespace berth::image
