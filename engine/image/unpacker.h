#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "engine/confine/unpack.h"
#include "engine/image/documents.h"
#include "engine/image/image_service.h"

namespace berth::image {

class LayerWork;
using LayersBegun = std::map<Digest, std::unique_ptr<LayerWork>>;

// Turns layers into snapshots named by chain ID. Any thread.
class Unpacker {
 public:
    Unpacker(content::ContentStore& content, snapshot::Snapshotter& snapshots, confine::HelperOptions helper)
        : content_(content), snapshots_(snapshots), helper_(std::move(helper)) {}

    // Every layer of `image` that has no snapshot yet, several at a time; those that somebody has begun are
    // taken out of `begun`, by their blobs. Progress lines: {"status":"Extracting","id":…}, then "Pull
    // complete". kInvalidArgument when a layer is damaged or is not what the config says.
    Result<> unpack(const PlatformImage& image, const Progress& progress, LayersBegun* begun = nullptr);
    // Makes a snapshot again that a power cut may have damaged. While no container runs.
    Result<> unpack_again(const Digest& layer, const Digest& diff_id, const std::string& chain,
                          const std::string& parent);
    // One layer on top of `parent`, which is there; once however many ask for it at the same time.
    Result<> unpack_one(const Digest& layer, const Digest& diff_id, const std::string& chain,
                        const std::string& parent);
    // A layer whose diff ID nobody knows yet, on top of the layers `below`, which are unpacked.
    // Returns it.
    Result<Digest> unpack_new(const Digest& layer, std::vector<Digest> below);
    // Removes the snapshots of layers that a killed daemon was unpacking. Before anything is unpacked.
    Result<> remove_unfinished();

    // The words for what goes wrong with a layer, and the check that it is what the config says.
    static Result<> check(Result<confine::UnpackReport> report, const Digest& layer, const Digest& diff_id);
    // For a snapshot that becomes a layer.
    static std::string new_key();
    bool is_there(const Digest& chain);
    content::ContentStore& content() { return content_; }
    snapshot::Snapshotter& snapshots() { return snapshots_; }
    const confine::HelperOptions& helper() const { return helper_; }

 private:
    Result<confine::UnpackReport> extract(const Digest& layer, const std::string& key,
                                          const std::string& parent);
    void remove_half(const std::string& key);
    std::shared_ptr<std::mutex> lock_of(const std::string& chain);

    content::ContentStore& content_;
    snapshot::Snapshotter& snapshots_;
    confine::HelperOptions helper_;
    std::mutex mutex_;
    std::map<std::string, std::weak_ptr<std::mutex>> locks_;
};

}  // namespace berth::image
