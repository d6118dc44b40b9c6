#pragma once

#include <memory>
#include <mutex>

#include "engine/image/catalog.h"

namespace berth::image {

// What the store holds of each image, manifest by manifest: for listings, inspect and df. Any thread.
class Listing {
 public:
    Listing(Catalog& catalog, References& references, content::ContentStore& content,
            snapshot::Snapshotter& snapshots)
        : catalog_(catalog), references_(references), content_(content), snapshots_(snapshots) {}

    // Newest first; the same one until something changes.
    Result<ImageList> list(bool shared_sizes);
    Result<ImageDetails> inspect(const std::string& text, const std::optional<oci::Platform>& platform);
    // One image, with the names given.
    Result<ImageSummary> summarise(const Digest& target, const std::vector<NamedTarget>& names);
    // Bytes of all blobs and committed snapshots.
    Result<std::uint64_t> disk_usage();
    // Of a committed snapshot; 0 for one that is not there.
    Result<std::uint64_t> unpacked_size(const std::string& chain);
    // Blobs or snapshots came or went.
    void forget();

 private:
    // What does not change while no blob and no snapshot comes or goes.
    struct Known {
        ImageSummary summary;                                      // without names
        std::vector<std::pair<std::string, std::uint64_t>> parts;  // snapshots, with their bytes
    };
    using KnownPtr = std::shared_ptr<const Known>;
    Result<std::vector<ImageSummary>> make_list(bool shared_sizes);
    Result<> share_sizes(std::vector<ImageSummary>& images, const std::map<std::string, int>& users);
    Result<KnownPtr> know(const Digest& target, const std::string& media_type);
    Result<KnownPtr> look(const Digest& target, const std::string& media_type);
    Result<> look_at_manifest(const ReachedManifest& reached, Known& known);
    Result<> look_at_layers(const ReachedManifest& reached, ManifestSummary& entry, Known& known);

    Catalog& catalog_;
    References& references_;
    content::ContentStore& content_;
    snapshot::Snapshotter& snapshots_;
    std::mutex mutex_;
    std::uint64_t generation_ = 0;
    std::map<Digest, KnownPtr> known_;
    std::map<std::string, std::uint64_t> sizes_;  // of committed snapshots, which never change
    struct {
        ImageList images;
        std::uint64_t names = 0, generation = 0;
    } listed_;  // without shared sizes
};

}  // namespace berth::image
