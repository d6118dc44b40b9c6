#include "api-spec/types/image.h"

#include <nlohmann/json.hpp>

namespace berth::types {

using nlohmann::json;

json to_json(const ImageSummary& image) {
    json out = {{"Containers", -1},
                {"Created", image.created},
                {"Id", image.id},
                {"Labels", image.labels.empty() ? json() : json(image.labels)},
                {"ParentId", ""},
                {"RepoDigests", image.repo_digests},
                {"RepoTags", image.repo_tags},
                {"SharedSize", -1},
                {"Size", image.size}};
    if (image.virtual_size) out["VirtualSize"] = image.size;
    return out;
}

namespace {

json complete_config(json config, bool every_field) {
    for (const char* name : {"Cmd", "Entrypoint", "Env", "Labels", "OnBuild", "Volumes"})
        config.emplace(name, nullptr);
    for (const char* name : {"User", "WorkingDir"}) config.emplace(name, "");
    if (!every_field) return config;
    for (const char* name : {"Domainname", "Hostname", "Image"}) config.emplace(name, "");
    for (const char* name : {"AttachStderr", "AttachStdin", "AttachStdout", "OpenStdin", "StdinOnce", "Tty"})
        config.emplace(name, false);
    return config;
}

}  // namespace

Result<json> to_json(const ImageInspect& image) {
    json config = json::parse(image.config_json, nullptr, false);
    if (!config.is_object()) return fail(ErrorKind::kDataLoss, "the image's config is damaged");
    json out = {{"Architecture", image.architecture},
                {"Author", image.author},
                {"Comment", image.comment},
                {"Config", complete_config(std::move(config), image.every_config_field)},
                {"Created", image.created.empty() ? "0001-01-01T00:00:00Z" : image.created},
                {"DockerVersion", image.docker_version},
                {"GraphDriver", {{"Data", nullptr}, {"Name", "overlayfs"}}},
                {"Id", image.id},
                {"Metadata", {{"LastTagTime", image.last_tag_time}}},
                {"Os", image.os},
                {"Parent", ""},
                {"RepoDigests", image.repo_digests},
                {"RepoTags", image.repo_tags},
                {"RootFS", {{"Type", "layers"}}},
                {"Size", image.size}};
    if (!image.layers.empty()) out["RootFS"]["Layers"] = image.layers;
    if (!image.variant.empty()) out["Variant"] = image.variant;
    if (image.virtual_size) out["VirtualSize"] = image.size;
    if (image.descriptor) {
        out["Descriptor"] = {{"mediaType", image.descriptor->media_type},
                             {"digest", image.descriptor->digest},
                             {"size", image.descriptor->size}};
    }
    return out;
}

json to_json(const ImageHistory& entry) {
    return {{"Comment", entry.comment},
            {"Created", entry.created},
            {"CreatedBy", entry.created_by},
            {"Id", entry.id},
            {"Size", entry.size},
            {"Tags", entry.tags.empty() ? json() : json(entry.tags)}};
}

}  // namespace berth::types
