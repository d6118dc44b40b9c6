#include "api-spec/types/volume.h"

#include "api-spec/types/json_fields.h"

namespace berth::types {

namespace {

void fields(auto& visit, VolumeCreateRequest& self) {
    visit("Name", self.name);
    visit("Driver", self.driver);
    visit("DriverOpts", self.driver_opts);
    visit("Labels", self.labels);
}

nlohmann::json words_or_null(const std::map<std::string, std::string>& words) {
    return words.empty() ? nlohmann::json() : nlohmann::json(words);
}

}  // namespace

Result<VolumeCreateRequest> parse_volume_create(const nlohmann::json& body) {
    VolumeCreateRequest out;
    FieldReader reader(body, "CreateOptions");
    fields(reader, out);
    BERTH_CHECK(reader.result());
    const auto cluster = body.find("ClusterVolumeSpec");
    out.cluster = cluster != body.end() && !cluster->is_null();
    return out;
}

nlohmann::json to_json(const VolumeInspect& volume) {
    return {{"CreatedAt", volume.created_at},
            {"Driver", volume.driver},
            {"Labels", words_or_null(volume.labels)},
            {"Mountpoint", volume.mountpoint},
            {"Name", volume.name},
            {"Options", words_or_null(volume.options)},
            {"Scope", volume.scope}};
}

}  // namespace berth::types
