#include "engine/image/layer_repair.h"

#include <map>
#include <set>

#include "engine/base/log.h"

namespace berth::image {

namespace {

struct Origin {
    Digest blob, diff_id;
};

class Repair {
 public:
    Repair(References& references, Unpacker& unpacker) : references_(references), unpacker_(unpacker) {}

    Result<> run();

 private:
    Result<> find_origins();
    void note(const ReachedManifest& reached);
    // With those below it first: their folders lend it owners and modes.
    void repair(const std::string& chain);

    References& references_;
    Unpacker& unpacker_;
    std::map<std::string, std::string> doubtful_;  // chain IDs, with their parents
    std::map<std::string, Origin> origins_;        // by chain ID
};

Result<> Repair::run() {
    BERTH_TRY(const auto all, unpacker_.snapshots().list());
    for (const auto& snapshot : all) {
        if (snapshot.doubtful) doubtful_.emplace(snapshot.key, snapshot.parent);
    }
    if (doubtful_.empty()) return {};
    log::info("layers are unpacked again after a power cut", {{"count", doubtful_.size()}});
    BERTH_CHECK(find_origins());
    while (!doubtful_.empty()) repair(std::string(doubtful_.begin()->first));
    return {};
}

Result<> Repair::find_origins() {
    BERTH_TRY(const auto names, references_.list());
    for (const NamedTarget& named : names) {
        const oci::Descriptor top{.media_type = named.media_type, .digest = named.target};
        for (const ReachedManifest& reached : reached_manifests(unpacker_.content(), top)) note(reached);
    }
    return {};
}

void Repair::note(const ReachedManifest& reached) {
    if (!reached.manifest || !reached.manifest->runnable()) return;
    auto text = unpacker_.content().read(reached.manifest->config.digest);
    auto config = text ? oci::parse_image_config(*text) : Result<oci::ImageConfig>(Failure(text.error()));
    if (!config || !check_layers(*reached.manifest, *config)) return;
    const auto chain = oci::chain_ids(config->diff_ids);
    for (std::size_t i = 0; i < chain.size(); ++i)
        origins_.try_emplace(chain[i].text(),
                             Origin{reached.manifest->layers[i].digest, config->diff_ids[i]});
}

void Repair::repair(const std::string& chain) {
    const std::string parent = doubtful_.extract(chain).mapped();
    if (doubtful_.contains(parent)) repair(parent);
    const auto origin = origins_.find(chain);
    auto done = origin == origins_.end()
                    ? Result<>(fail(ErrorKind::kNotFound, "no image here has it"))
                    : unpacker_.unpack_again(origin->second.blob, origin->second.diff_id, chain, parent);
    if (!done)
        log::error("a layer may be damaged by a power cut",
                   {{"layer", chain}, {"error", done.error().message}});
}

}  // namespace

Result<> repair_layers(References& references, Unpacker& unpacker) {
    return Repair(references, unpacker).run();
}

}  // namespace berth::image
