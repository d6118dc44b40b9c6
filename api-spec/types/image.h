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

struct ImageSummary {
    std::string id;
    std::vector<std::string> repo_tags, repo_digests;  // [] for an image without a name
    std::int64_t created = 0;                          // seconds since 1970
    std::uint64_t size = 0;
    std::map<std::string, std::string> labels;  // null when empty
    bool virtual_size = false;                  // VirtualSize, which clients before API 1.44 read
};
nlohmann::json to_json(const ImageSummary& image);

struct ImageDescriptor {
    std::string media_type, digest;
    std::uint64_t size = 0;
};

struct ImageInspect {
    std::string id, comment, created, author, docker_version, architecture, variant, os, last_tag_time;
    std::vector<std::string> repo_tags, repo_digests, layers;
    std::uint64_t size = 0;
    std::string config_json = "{}";             // the image config's "config" object
    bool every_config_field = false;            // before API 1.50 Config has all of a container's fields
    bool virtual_size = false;                  // before API 1.44
    std::optional<ImageDescriptor> descriptor;  // since API 1.48
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
