#pragma once

#include <string>
#include <string_view>

#include "engine/archive/compression.h"
#include "engine/confine/helper.h"
#include "engine/content/content_store.h"

namespace berth::image {

// Of what an open file holds, from its beginning.
Result<archive::Compression> compression_of(int file);
// Whether a layer may be kept so: there are media types for plain, gzip and zstd layers.
bool has_media_type(archive::Compression compression);
// Of an OCI layer, or of Docker's.
std::string oci_layer_type(archive::Compression compression);
std::string docker_layer_type(archive::Compression compression);

// A layer in another compression goes into the store as gzip. `scratch`: a folder on the store's file system.
Result<Digest> store_recompressed(content::ContentStore& content, const confine::HelperOptions& helper,
                                  int file, const std::string& scratch);

}  // namespace berth::image
