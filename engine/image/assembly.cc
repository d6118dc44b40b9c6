#include "engine/image/assembly.h"

#include <unistd.h>

#include <nlohmann/json.hpp>

#include "engine/image/archive_load.h"

namespace berth::image {

namespace {

using Json = nlohmann::ordered_json;

// By its first bytes.
Result<std::string> layer_type(content::ContentStore& content, const Digest& blob) {
    BERTH_TRY(UniqueFd file, content.open(blob));
    char head[4] = {};
    ssize_t got = ::pread(file.get(), head, sizeof head, 0);
    if (got < 0) return fail_errno("read layer");
    std::string_view magic(head, static_cast<std::size_t>(got));
    std::string type(oci::media::kOciLayer);
    if (magic.starts_with("\x1f\x8b")) return type + "+gzip";
    if (magic.starts_with("\x28\xb5\x2f\xfd")) return type + "+zstd";
    return type;
}

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
    BERTH_TRY(std::string type, layer_type(content, layer.blob));
    BERTH_TRY(std::uint64_t size, content.size(layer.blob));
    layers.push_back({{"mediaType", type}, {"digest", layer.blob.text()}, {"size", size}});
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
