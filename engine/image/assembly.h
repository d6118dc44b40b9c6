#pragma once

#include <optional>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "engine/content/content_store.h"
#include "engine/image/documents.h"

namespace berth::image {

// One more layer on an image, or the first of one.
struct NewLayer {
    Digest blob;
    Digest diff_id;
};

// Writes config and manifest of an image made here, and returns the manifest's digest. `config` has what
// differs from `base` (or all, without one) of the OCI image config: architecture, os, author, created,
// config; `history` is the layer's entry. The blobs of `base` must be in the store.
Result<Digest> store_image(content::ContentStore& content, const std::optional<PlatformImage>& base,
                           const NewLayer& layer, const nlohmann::ordered_json& config,
                           const nlohmann::ordered_json& history);

}  // namespace berth::image
