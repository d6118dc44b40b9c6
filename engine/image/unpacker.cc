#include "engine/image/unpacker.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "engine/base/ids.h"
#include "engine/base/log.h"
#include "engine/base/undo.h"

namespace berth::image {

namespace {
// An active snapshot with this prefix is a layer on its way; any other one is a container's.
constexpr std::string_view kUnfinished = "unpack-";

std::string new_key() {
    return std::string(kUnfinished) + random_hex(16);
}
}  // namespace

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
    return in("failed to extract layer " + layer.text(),
              confine::unpack_layer({.path = helper_path_}, blob.get(), target));
}

Result<> Unpacker::unpack_one(const Digest& layer, const Digest& diff_id, const std::string& chain,
                              const std::string& parent) {
    auto lock = lock_of(chain);
    std::lock_guard guard(*lock);
    if (auto there = snapshots_.stat(chain); there && there->committed) return {};
    std::string key = new_key();
    UndoStack undo;
    undo.push([&] {
        if (auto removed = snapshots_.remove(key); !removed && removed.error().kind != ErrorKind::kNotFound) {
            log::warning("a half unpacked layer stays",
                         {{"snapshot", key}, {"error", removed.error().message}});
        }
    });
    BERTH_TRY(confine::UnpackReport report, extract(layer, key, parent));
    if (report.diff_id != diff_id) {
        return fail(ErrorKind::kInvalidArgument,
                    fmt::format("failed to extract layer {}: wrong diff id calculated on "
                                "extraction \"{}\", expected \"{}\"",
                                layer.text(), report.diff_id.text(), diff_id.text()));
    }
    auto committed = snapshots_.commit(key, chain);
    if (!committed && committed.error().kind != ErrorKind::kConflict) return committed;
    if (committed) undo.keep();
    return {};
}

Result<> Unpacker::unpack(const PlatformImage& image, const Progress& progress) {
    std::string parent;
    for (std::size_t i = 0; i < image.chain.size(); ++i) {
        const Digest& layer = image.manifest.layers[i].digest;
        auto say = [&](const char* status) {
            nlohmann::json line = {{"status", status},
                                   {"progressDetail", nlohmann::json::object()},
                                   {"id", std::string(short_id(layer.hex()))}};
            if (progress) progress(line.dump());
        };
        const std::string& chain = image.chain[i].text();
        if (auto there = snapshots_.stat(chain); !there || !there->committed) {
            say("Extracting");
            BERTH_CHECK(unpack_one(layer, image.config.diff_ids[i], chain, parent));
            say("Pull complete");
        }
        parent = chain;
    }
    return {};
}

Result<confine::UnpackReport> Unpacker::unpack_new(const Digest& layer, std::vector<Digest> below) {
    const std::string parent = below.empty() ? "" : oci::chain_ids(below).back().text();
    std::string key = new_key();
    UndoStack undo;
    undo.push([&] { (void)snapshots_.remove(key).has_value(); });
    BERTH_TRY(confine::UnpackReport report, extract(layer, key, parent));
    below.push_back(report.diff_id);
    auto committed = snapshots_.commit(key, oci::chain_ids(below).back().text());
    if (!committed && committed.error().kind != ErrorKind::kConflict) return Failure(committed.error());
    if (committed) undo.keep();
    return report;
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
