#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "engine/base/digest.h"
#include "engine/base/result.h"
#include "engine/oci/platform.h"

// The documents of the OCI image specification 1.1 and of Docker's schema 2, which differ in their media
// types alone.
namespace berth::oci {

namespace media {
inline constexpr std::string_view kOciIndex = "application/vnd.oci.image.index.v1+json";
inline constexpr std::string_view kOciManifest = "application/vnd.oci.image.manifest.v1+json";
inline constexpr std::string_view kOciConfig = "application/vnd.oci.image.config.v1+json";
inline constexpr std::string_view kOciLayer = "application/vnd.oci.image.layer.v1.tar";  // also +gzip, +zstd
inline constexpr std::string_view kDockerList = "application/vnd.docker.distribution.manifest.list.v2+json";
inline constexpr std::string_view kDockerManifest = "application/vnd.docker.distribution.manifest.v2+json";
inline constexpr std::string_view kDockerConfig = "application/vnd.docker.container.image.v1+json";
inline constexpr std::string_view kDockerLayer =
    "application/vnd.docker.image.rootfs.diff.tar";  // also .gzip, .zstd
inline constexpr std::string_view kDockerSchema1 = "application/vnd.docker.distribution.manifest.v1+json";
inline constexpr std::string_view kDockerSchema1Signed =
    "application/vnd.docker.distribution.manifest.v1+prettyjws";

bool is_index(std::string_view type);
bool is_manifest(std::string_view type);
bool is_config(std::string_view type);
// Of either family, compressed in any way, also the non-distributable ones.
bool is_layer(std::string_view type);
}  // namespace media

// Points at a blob. `urls` of a stranger's descriptor are never followed, so they are not even kept.
struct Descriptor {
    std::string media_type;
    Digest digest;
    std::int64_t size = 0;
    std::optional<Platform> platform;
    std::map<std::string, std::string> annotations;
    std::string artifact_type;
};
Result<Descriptor> parse_descriptor(const nlohmann::json& object);
nlohmann::ordered_json to_json(const Descriptor& descriptor);

// One platform's image.
struct Manifest {
    std::string media_type;
    Descriptor config;
    std::vector<Descriptor> layers;
    // An attestation or another artifact: nothing that runs.
    bool runnable() const { return media::is_config(config.media_type); }
};

// One image for several platforms.
struct Index {
    std::string media_type;
    std::vector<Descriptor> manifests;
};

using Document = std::variant<Manifest, Index>;

// What a schema 1 manifest is refused with; who knows the image's name puts a word for its author between the
// two.
inline constexpr std::string_view
    kSchema1Removed =
        "Docker Image Format v1 and Docker Image manifest version 2, schema 1 support has been removed.",
    kSchema1More = " More information at https://docs.docker.com/go/deprecated-image-specs/";

// Reads a manifest or an index. `media_type` is what whoever handed over the bytes said they are; "" when
// nobody did, and then the document itself must say it or have an unmistakable shape. kInvalidArgument for a
// document that says something else than `media_type`, could be read as both, or is a schema 1 manifest.
Result<Document> parse_document(std::string_view bytes, std::string_view media_type);

struct History {
    std::string created, created_by, comment;
    bool empty_layer = false;
};

// The config blob of an image.
struct ImageConfig {
    Platform platform;
    std::string created;  // RFC 3339 as found, or ""
    std::string author;
    std::string docker_version;
    std::vector<Digest> diff_ids;
    std::vector<History> history;
    std::string
        run;  // the "config" object as JSON text: how to run it, with Docker's extensions; "{}" if absent
};
Result<ImageConfig> parse_image_config(std::string_view bytes);

// The name of each layer with all below it: chain[0] = diff[0], chain[n] = sha256(chain[n-1] + " " +
// diff[n]).
std::vector<Digest> chain_ids(const std::vector<Digest>& diff_ids);

}  // namespace berth::oci
