#include "engine/image/assembly.h"

#include <nlohmann/json.hpp>

#include "engine/image/archive_load.h"
#include "engine/image/layer_media.h"

namespace berth::image {

namespace {

using Json = nlohmann::ordered_json;

// One manifest does not mix the two families of media types.
std::string as_oci(const std::string& type) {
    if (!type.starts_with(oci::media::kDockerLayer)) return type;
    std::string compression = type.substr(oci::media::kDockerLayer.size());
    if (!compression.empty()) compression[0] = '+';
    return std::string(oci::media::kOciLayer) + compression;
}

}  // namespace

Result<Digest> store_image(content::ContentStore& content, const std::optional<PlatformImage>& base,
                           const NewLayer& layer, const Json& config, const Json& history) {
    Json document = base ? Json::parse(base->config_json, nullptr, false) : Json::object();
    if (!document.is_object()) return fail(ErrorKind::kDataLoss, "the image's config is no JSON object");
    // What older engines noted about the container that made the image below.
    for (const char* stale : {"container", "container_config", "docker_version", "id", "parent", "author"})
        document.erase(stale);
    for (const auto& [key, value] : config.items()) document[key] = value;
    if (!document["rootfs"].is_object())
        document["rootfs"] = {{"type", "layers"}, {"diff_ids", Json::array()}};
    document["rootfs"]["diff_ids"].push_back(layer.diff_id.text());
    if (!document["history"].is_array()) document["history"] = Json::array();
    document["history"].push_back(history);

    Json layers = Json::array();
    if (base) {
        for (oci::Descriptor below : base->manifest.layers) {
            below.media_type = as_oci(below.media_type);
            layers.push_back(oci::to_json(below));
        }
    }
    BERTH_TRY(UniqueFd file, content.open(layer.blob));
    BERTH_TRY(const archive::Compression compression, compression_of(file.get()));
    BERTH_TRY(std::uint64_t size, content.size(layer.blob));
    layers.push_back(
        {{"mediaType", oci_layer_type(compression)}, {"digest", layer.blob.text()}, {"size", size}});
    std::string text = document.dump();
    BERTH_TRY(Digest config_digest, store_bytes(content, text));
    Json manifest = {
        {"schemaVersion", 2},
        {"mediaType", oci::media::kOciManifest},
        {"config",
         {{"mediaType", oci::media::kOciConfig}, {"digest", config_digest.text()}, {"size", text.size()}}},
        {"layers", layers}};
    return store_bytes(content, manifest.dump());
}

}  // namespace berth::image
