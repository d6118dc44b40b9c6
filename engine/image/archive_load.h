#pragma once

#include <string>
#include <vector>

#include "engine/confine/extract_archive.h"
#include "engine/content/content_store.h"
#include "engine/image/archive_arrival.h"
#include "engine/image/image_service.h"

namespace berth::image {

// An image that an archive brought into the content store; not unpacked and not named yet.
struct LoadedImage {
    std::vector<std::string> names;  // normalised, with tag; empty for an image without a name
    Digest target;
    std::string media_type;
};

// Reads the extracted members of a docker-archive (manifest.json) or an OCI layout (oci-layout, index.json;
// this one counts where both are) below `folder` into the content store, by way of `arrival`. Every blob is
// verified against the digest it is named by. With `platforms` the manifests of an index that are for others
// are left out. kInvalidArgument for what is no image archive: "unrecognized image format".
Result<std::vector<LoadedImage>> read_archive(content::ContentStore& content, ArchiveArrival& arrival,
                                              const std::string& folder,
                                              const std::vector<confine::ArchiveMember>& members,
                                              const std::vector<oci::Platform>& platforms = {});

// Puts small bytes into the store; returns their digest.
Result<Digest> store_bytes(content::ContentStore& content, std::string_view bytes);

}  // namespace berth::image
