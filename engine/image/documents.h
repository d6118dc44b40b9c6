#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/content/content_store.h"
#include "engine/oci/image_spec.h"

namespace berth::image {

// One platform's image, as its documents in the content store describe it.
struct PlatformImage {
    Digest manifest_digest;
    oci::Manifest manifest;
    oci::ImageConfig config;
    std::string config_json;
    std::vector<Digest> chain;  // chain IDs, lowest layer first
};

// kInvalidArgument for more layers than can be mounted.
Result<> check_depth(std::size_t layers);
// … and unless the config tells the diff ID of every layer.
Result<> check_layers(const oci::Manifest& manifest, const oci::ImageConfig& config);

// The manifest or index `target`; its media type is what the document says.
Result<oci::Document> read_document(content::ContentStore& content, const Digest& target);

// What `target` offers for `platform`: the best of an index's manifests whose blobs are here. Without one,
// what suits this host best, or else anything that is here. kNotFound: "image with reference … does not match
// the specified platform …" is the caller's to word.
Result<PlatformImage> pick_platform(content::ContentStore& content, const Digest& target,
                                    const std::optional<oci::Platform>& platform);

// A manifest that a name reaches.
struct ReachedManifest {
    oci::Descriptor descriptor;
    std::optional<oci::Manifest> manifest;  // nothing when it is not here
};
// `target` itself, or the manifests of the index that it is, those too that are not here.
std::vector<ReachedManifest> reached_manifests(content::ContentStore& content, const oci::Descriptor& target);

// Every blob that `target` reaches and that is here, itself included.
std::vector<Digest> reachable_blobs(content::ContentStore& content, const Digest& target);

}  // namespace berth::image
