#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/archive/byte_sink.h"
#include "engine/content/content_store.h"
#include "engine/image/catalog.h"
#include "engine/oci/image_spec.h"
#include "engine/oci/platform.h"

namespace berth::image {

struct ImageToSave {
    oci::Descriptor target;
    std::string name;  // "docker.io/library/busybox:latest", or "" for one that is saved by its id
};

// What `text` names: an id, a name, or all tags of a repository.
Result<std::vector<ImageToSave>> find_images(Catalog& catalog, References& references,
                                             content::ContentStore& content, const std::string& text);

// What an archive of images consists of; its blobs are read when it is written.
struct SavePlan {
    std::vector<Digest> blobs;  // sorted
    std::string index_json, manifest_json;
};

// An OCI layout that is a docker-archive as well. Of an index, what is here of it goes in; with `platforms`
// only their manifests: kInternal "no suitable export target found for platform X".
Result<SavePlan> plan_save(content::ContentStore& content, const std::vector<ImageToSave>& images,
                           const std::vector<oci::Platform>& platforms);
// Writes the tar. Times are 1970, owners root: the same images give the same bytes.
Result<> write_archive(content::ContentStore& content, const SavePlan& plan, archive::ByteSink& sink);

}  // namespace berth::image
