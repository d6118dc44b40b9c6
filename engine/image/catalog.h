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
    Catalog(References& references, content::ContentStore& content)
        : references_(references), content_(content) {}

    // kNotFound: "No such image: NAME" as Docker words it; kInvalidArgument for what is no name.
    Result<Found> find(const std::string& text);
    Result<ResolvedImage> resolve(const std::string& text, const std::optional<oci::Platform>& platform);

    // The image of `platform` (default: this host) that `target` offers; `text` is what it was asked for by.
    Result<std::shared_ptr<const PlatformImage>> platform_image(const std::string& text, const Digest& target,
                                                                const std::optional<oci::Platform>& platform);
    // This host's image of a target; remembered until forget().
    Result<std::shared_ptr<const PlatformImage>> host_image(const Digest& target);
    void forget(const Digest& target);
    void forget_all();

 private:
    bool answers_to(const NamedTarget& reference, std::string_view prefix);

    References& references_;
    content::ContentStore& content_;
    std::mutex mutex_;
    std::map<Digest, std::shared_ptr<const PlatformImage>> images_;
};

}  // namespace berth::image
