#pragma once

#include <map>
#include <optional>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "engine/base/result.h"

// POST /volumes/create, GET /volumes and GET /volumes/{name}. JSON names are the members' in PascalCase
// unless volume.cc says otherwise.
namespace berth::types {

struct VolumeCreateRequest {
    std::string name, driver;
    std::map<std::string, std::string> driver_opts, labels;
    bool cluster = false;  // it has a ClusterVolumeSpec
};
Result<VolumeCreateRequest> parse_volume_create(const nlohmann::json& body);

struct VolumeInspect {
    std::string created_at, driver, mountpoint, name;
    std::map<std::string, std::string> labels, options;  // empty ones are null
    std::string scope = "local";
};
nlohmann::json to_json(const VolumeInspect& volume);

}  // namespace berth::types
