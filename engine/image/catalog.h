#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "engine/image/documents.h"
#include "engine/image/image_service.h"
#include "engine/image/references.h"
#include "engine/oci/reference.h"

namespace berth::image {

// What a user's text stands for.
struct Found {
    Digest target;
    std::vector<NamedTarget> names;    // every name that points at the target
    std::optional<NamedTarget> exact;  // the name that was given, when it was one
};

// Looks up images by name and by id over references and documents. Any thread.
class Catalog {
 public:
    Catalog(References& references, content::ContentStore& content, snapshot::Snapshotter& snapshots)
        : references_(references), content_(content), snapshots_(snapshots) {}

    // kNotFound: "No such image: NAME" as Docker words it; kInvalidArgument for what is no name.
    Result<Found> find(const std::string& text);
    Result<ResolvedImage> resolve(const std::string& text, const std::optional<oci::Platform>& platform);
    Result<std::vector<ImageSummary>> list();
    Result<ImageDetails> inspect(const std::string& text);

    // This host's image of a target; remembered, since a target never changes.
    Result<std::shared_ptr<const PlatformImage>> host_image(const Digest& target);
    void forget(const Digest& target);

 private:
    Result<ImageSummary> summarise(const Digest& target, const std::vector<NamedTarget>& names);
    Result<std::uint64_t> unpacked_size(const std::string& chain);
    bool answers_to(const NamedTarget& reference, std::string_view prefix);

    References& references_;
    content::ContentStore& content_;
    snapshot::Snapshotter& snapshots_;
    std::mutex mutex_;
    std::map<Digest, std::shared_ptr<const PlatformImage>> images_;
    std::map<std::string, std::uint64_t> sizes_;  // of committed snapshots, which never change
};

}  // namespace berth::image
