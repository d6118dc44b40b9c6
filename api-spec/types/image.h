#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "engine/base/result.h"

// GET /images/json, /images/NAME/json, /images/NAME/history and DELETE /images/NAME.
namespace berth::types {

struct ImageDescriptor {
    std::string media_type, digest;
    std::uint64_t size = 0;
    std::string platform_json;                       // an OCI platform object, or ""
    std::map<std::string, std::string> annotations;  // left out when empty
};

struct ImageManifest {
    std::string kind;  // image, attestation, unknown
    ImageDescriptor descriptor;
    bool available = false;
    std::uint64_t content_size = 0, unpacked_size = 0;
    std::string platform_json = "{}";
    std::string attestation_for;
    std::vector<std::string> containers;
};

struct ImageSummary {
    std::string id;
    std::vector<std::string> repo_tags, repo_digests;  // [] for an image without a name
    std::int64_t created = 0;                          // seconds since 1970
    std::uint64_t size = 0;
    std::int64_t shared_size = -1, containers = -1;  // -1: not counted
    std::map<std::string, std::string> labels;       // null when empty
    bool virtual_size = false;                       // VirtualSize, which clients before API 1.44 read
    std::optional<ImageDescriptor> descriptor;       // since API 1.48
    std::optional<std::vector<ImageManifest>> manifests;
};
nlohmann::json to_json(const ImageSummary& image);

struct ImageInspect {
    std::string id, comment, created, author, docker_version, architecture, variant, os, parent,
        last_tag_time;
    std::vector<std::string> repo_tags, repo_digests, layers;
    std::uint64_t size = 0;
    std::string config_json = "{}";             // the image config's "config" object
    bool every_config_field = false;            // before API 1.50 Config has all of a container's fields
    bool virtual_size = false;                  // before API 1.44
    std::optional<ImageDescriptor> descriptor;  // since API 1.48
    std::optional<std::vector<ImageManifest>> manifests;
};
// kDataLoss when config_json is no JSON object.
Result<nlohmann::json> to_json(const ImageInspect& image);

struct ImageHistory {
    std::string id = "<missing>";
    std::int64_t created = 0;
    std::string created_by, comment;
    std::vector<std::string> tags;  // null when empty
    std::uint64_t size = 0;
};
nlohmann::json to_json(const ImageHistory& entry);

}  // namespace berth::types
