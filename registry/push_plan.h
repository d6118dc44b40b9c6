#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "engine/content/content_store.h"
#include "engine/image/image_service.h"
#include "engine/oci/reference.h"

namespace berth::registry {

// What pushing an image takes.
struct PushPlan {
    struct Document {
        oci::Descriptor descriptor;
        std::string bytes;
    };
    std::vector<oci::Descriptor> blobs;  // configs and layers, each once
    std::vector<Document> documents;     // the innermost first, the target last
};

// Reads what `target` consists of. kNotFound: "content digest sha256:…: not found" for a manifest that is not
// here; blobs may be missing. Blocking.
Result<PushPlan> plan_push(content::ContentStore& content, const oci::Descriptor& target);

// The manifest that stands for an index of which not all is here, or that `platform` asks for. Docker's texts
// where there is none, or more than one. Blocking.
Result<oci::Descriptor> choose_to_push(image::ImageService& images, const oci::Reference& reference,
                                       const oci::Descriptor& target,
                                       const std::optional<oci::Platform>& platform);

// Which other repositories of `reference`'s registry probably hold which blobs, because an image here has a
// name there: the one whose path has most in common with the reference's. Blocking.
std::map<Digest, std::string> mount_sources(content::ContentStore& content,
                                            const std::vector<image::NamedImage>& names,
                                            const oci::Reference& reference);

}  // namespace berth::registry
