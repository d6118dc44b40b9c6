#include "engine/oci/image_spec.h"

#include <algorithm>
#include <array>

#include <nlohmann/json.hpp>

#include "engine/oci/json_shape.h"

namespace berth::oci {
namespace {

using nlohmann::json;

// More entries than any image has; a list beyond it is an attack on memory.
constexpr std::size_t kMostEntries = 4096;

Failure refuse(std::string message) {
    return fail(ErrorKind::kInvalidArgument, std::move(message));
}

Result<json> parse_object(std::string_view bytes, std::string_view what) {
    BERTH_CHECK(in("invalid " + std::string(what), check_json_shape(bytes)));
    auto out = json::parse(bytes, nullptr, false);
    if (out.is_discarded()) return refuse("invalid " + std::string(what) + ": not JSON");
    if (!out.is_object()) return refuse("invalid " + std::string(what) + ": not a JSON object");
    return out;
}

// A string member, "" when absent or null.
Result<std::string> text(const json& object, const char* key) {
    auto found = object.find(key);
    if (found == object.end() || found->is_null()) return std::string();
    if (!found->is_string()) return refuse(std::string("\"") + key + "\" is not a string");
    return found->get<std::string>();
}

// An array member, empty when absent or null.
Result<std::vector<json>> entries(const json& object, const char* key) {
    auto found = object.find(key);
    if (found == object.end() || found->is_null()) return std::vector<json>();
    if (!found->is_array()) return refuse(std::string("\"") + key + "\" is not an array");
    if (found->size() > kMostEntries) return refuse(std::string("\"") + key + "\" has too many entries");
    return found->get<std::vector<json>>();
}

bool present(const json& object, const char* key) {
    auto found = object.find(key);
    return found != object.end() && !found->is_null();
}

Result<Platform> parse_platform(const json& object) {
    if (!object.is_object()) return refuse("\"platform\" is not an object");
    Platform out;
    BERTH_TRY(out.os, text(object, "os"));
    BERTH_TRY(out.architecture, text(object, "architecture"));
    BERTH_TRY(out.variant, text(object, "variant"));
    BERTH_TRY(out.os_version, text(object, "os.version"));
    return out;
}

Result<std::map<std::string, std::string>> parse_annotations(const json& object) {
    std::map<std::string, std::string> out;
    auto found = object.find("annotations");
    if (found == object.end() || found->is_null()) return out;
    if (!found->is_object()) return refuse("\"annotations\" is not an object");
    for (const auto& [key, value] : found->items()) {
        if (!value.is_string()) return refuse("annotation \"" + key + "\" is not a string");
        out[key] = value.get<std::string>();
    }
    return out;
}

Result<std::vector<Descriptor>> parse_descriptors(const json& object, const char* key) {
    std::vector<Descriptor> out;
    BERTH_TRY(auto list, entries(object, key));
    for (const auto& entry : list) {
        BERTH_TRY(auto descriptor, in(key, parse_descriptor(entry)));
        out.push_back(std::move(descriptor));
    }
    return out;
}

Result<Document> parse_manifest(const json& object, std::string type) {
    if (!object.contains("config")) return refuse("invalid manifest: no config");
    BERTH_TRY(auto config, in("invalid manifest", parse_descriptor(object["config"])));
    BERTH_TRY(auto layers, in("invalid manifest", parse_descriptors(object, "layers")));
    return Document(Manifest{std::move(type), std::move(config), std::move(layers)});
}

// What a document that nobody vouched for is, from its shape.
Result<std::string> type_by_shape(const json& object) {
    if (present(object, "manifests")) return std::string(media::kOciIndex);
    if (present(object, "config")) return std::string(media::kOciManifest);
    return refuse("invalid manifest: neither a manifest nor an index");
}

Result<History> parse_history(const json& object) {
    if (!object.is_object()) return refuse("\"history\" has an entry that is not an object");
    History out;
    BERTH_TRY(out.created, text(object, "created"));
    BERTH_TRY(out.created_by, text(object, "created_by"));
    BERTH_TRY(out.comment, text(object, "comment"));
    auto empty = object.find("empty_layer");
    out.empty_layer = empty != object.end() && empty->is_boolean() && empty->get<bool>();
    return out;
}

Result<std::vector<Digest>> parse_diff_ids(const json& object) {
    std::vector<Digest> out;
    auto rootfs = object.find("rootfs");
    if (rootfs == object.end() || rootfs->is_null()) return out;
    if (!rootfs->is_object()) return refuse("\"rootfs\" is not an object");
    BERTH_TRY(auto list, entries(*rootfs, "diff_ids"));
    for (const auto& entry : list) {
        if (!entry.is_string()) return refuse("\"diff_ids\" has an entry that is not a string");
        BERTH_TRY(auto digest, in("diff_ids", Digest::parse(entry.get_ref<const std::string&>())));
        out.push_back(std::move(digest));
    }
    return out;
}

}  // namespace

namespace media {

bool is_index(std::string_view type) {
    return type == kOciIndex || type == kDockerList;
}
bool is_manifest(std::string_view type) {
    return type == kOciManifest || type == kDockerManifest;
}
bool is_config(std::string_view type) {
    return type == kOciConfig || type == kDockerConfig;
}

bool is_layer(std::string_view type) {
    return type.starts_with(kOciLayer) || type.starts_with(kDockerLayer) ||
           type.starts_with("application/vnd.oci.image.layer.nondistributable.v1.tar") ||
           type.starts_with("application/vnd.docker.image.rootfs.foreign.diff.tar");
}

}  // namespace media

Result<Descriptor> parse_descriptor(const nlohmann::json& object) {
    if (!object.is_object()) return refuse("descriptor is not an object");
    BERTH_TRY(auto digest_text, text(object, "digest"));
    BERTH_TRY(auto digest, Digest::parse(digest_text));
    Descriptor out{.digest = std::move(digest)};
    BERTH_TRY(out.media_type, text(object, "mediaType"));
    BERTH_TRY(out.artifact_type, text(object, "artifactType"));
    auto size = object.find("size");
    if (size == object.end() || !size->is_number_integer()) return refuse("descriptor has no size");
    out.size = size->get<std::int64_t>();
    if (out.size < 0) return refuse("descriptor has a negative size");
    BERTH_TRY(out.annotations, parse_annotations(object));
    if (present(object, "platform")) {
        BERTH_TRY(out.platform, parse_platform(object["platform"]));
    }
    return out;
}

nlohmann::ordered_json to_json(const Descriptor& descriptor) {
    nlohmann::ordered_json out;
    out["mediaType"] = descriptor.media_type;
    out["digest"] = descriptor.digest.text();
    out["size"] = descriptor.size;
    if (!descriptor.annotations.empty()) out["annotations"] = descriptor.annotations;
    if (descriptor.platform) {
        auto& platform = out["platform"];
        platform["architecture"] = descriptor.platform->architecture;
        platform["os"] = descriptor.platform->os;
        if (!descriptor.platform->os_version.empty())
            platform["os.version"] = descriptor.platform->os_version;
        if (!descriptor.platform->variant.empty()) platform["variant"] = descriptor.platform->variant;
    }
    if (!descriptor.artifact_type.empty()) out["artifactType"] = descriptor.artifact_type;
    return out;
}

Result<Document> parse_document(std::string_view bytes, std::string_view media_type) {
    BERTH_TRY(auto object, parse_object(bytes, "manifest"));
    auto version = object.find("schemaVersion");
    bool schema1 =
        version != object.end() && version->is_number_integer() && version->get<std::int64_t>() == 1;
    if (schema1 || media_type == media::kDockerSchema1 || media_type == media::kDockerSchema1Signed) {
        return refuse(std::string(kSchema1Removed) + std::string(kSchema1More));
    }
    BERTH_TRY(auto own, text(object, "mediaType"));
    std::string type(media_type);
    if (type.empty()) type = own;
    if (type.empty()) {
        BERTH_TRY(type, type_by_shape(object));
    }
    if (!own.empty() && own != type) {
        return refuse("invalid manifest: mediaType \"" + own + "\" in a document of type \"" + type + "\"");
    }
    // CVE-2021-41190: a document that two parsers could read in two ways is nobody's image.
    if (present(object, "manifests") && (present(object, "config") || present(object, "layers"))) {
        return refuse("invalid manifest: both a manifest and an index");
    }
    if (present(object, "fsLayers") || present(object, "history")) {
        return refuse("invalid manifest: members of a schema 1 manifest in a document of type \"" + type +
                      "\"");
    }
    if (media::is_manifest(type)) return parse_manifest(object, std::move(type));
    if (!media::is_index(type)) return refuse("unsupported manifest type \"" + type + "\"");
    if (!present(object, "manifests")) return refuse("invalid index: no manifests");
    BERTH_TRY(auto manifests, in("invalid index", parse_descriptors(object, "manifests")));
    return Document(Index{std::move(type), std::move(manifests)});
}

Result<ImageConfig> parse_image_config(std::string_view bytes) {
    BERTH_TRY(auto object, parse_object(bytes, "image config"));
    ImageConfig out;
    BERTH_TRY(out.platform, in("invalid image config", parse_platform(object)));
    BERTH_TRY(out.created, in("invalid image config", text(object, "created")));
    BERTH_TRY(out.author, in("invalid image config", text(object, "author")));
    BERTH_TRY(out.docker_version, in("invalid image config", text(object, "docker_version")));
    BERTH_TRY(out.diff_ids, in("invalid image config", parse_diff_ids(object)));
    BERTH_TRY(auto history, in("invalid image config", entries(object, "history")));
    for (const auto& entry : history) {
        BERTH_TRY(auto item, in("invalid image config", parse_history(entry)));
        out.history.push_back(std::move(item));
    }
    out.run = "{}";
    if (present(object, "config")) {
        if (!object["config"].is_object()) return refuse("invalid image config: \"config\" is not an object");
        out.run = object["config"].dump(-1, ' ', false, json::error_handler_t::replace);
    }
    return out;
}

std::vector<Digest> chain_ids(const std::vector<Digest>& diff_ids) {
    std::vector<Digest> out;
    for (const auto& diff : diff_ids) {
        out.push_back(out.empty() ? diff : sha256(out.back().text() + " " + diff.text()));
    }
    return out;
}

}  // namespace berth::oci
