#include "api-spec/types/image.h"

#include <nlohmann/json.hpp>

namespace berth::types {

using nlohmann::json;

namespace {

json descriptor_json(const ImageDescriptor& descriptor) {
    json out = {
        {"mediaType", descriptor.media_type}, {"digest", descriptor.digest}, {"size", descriptor.size}};
    if (!descriptor.annotations.empty()) out["annotations"] = descriptor.annotations;
    if (!descriptor.platform_json.empty())
        out["platform"] = json::parse(descriptor.platform_json, nullptr, false);
    return out;
}

json manifest_json(const ImageManifest& manifest) {
    json out = {
        {"ID", manifest.descriptor.digest},
        {"Descriptor", descriptor_json(manifest.descriptor)},
        {"Available", manifest.available},
        {"Kind", manifest.kind},
        {"Size",
         {{"Content", manifest.content_size}, {"Total", manifest.content_size + manifest.unpacked_size}}}};
    if (manifest.kind == "image") {
        out["ImageData"] = {{"Platform", json::parse(manifest.platform_json, nullptr, false)},
                            {"Size", {{"Unpacked", manifest.unpacked_size}}},
                            {"Containers", manifest.containers.empty() ? json() : json(manifest.containers)}};
    }
    if (manifest.kind == "attestation") out["AttestationData"] = {{"For", manifest.attestation_for}};
    return out;
}

json manifests_json(const std::vector<ImageManifest>& manifests) {
    json out = json::array();
    for (const auto& manifest : manifests) out.push_back(manifest_json(manifest));
    return out;
}

}  // namespace

json to_json(const ImageSummary& image) {
    json out = {{"Containers", image.containers},
                {"Created", image.created},
                {"Id", image.id},
                {"Labels", image.labels.empty() ? json() : json(image.labels)},
                {"ParentId", ""},
                {"RepoDigests", image.repo_digests},
                {"RepoTags", image.repo_tags},
                {"SharedSize", image.shared_size},
                {"Size", image.size}};
    if (image.virtual_size) out["VirtualSize"] = image.size;
    if (image.descriptor) out["Descriptor"] = descriptor_json(*image.descriptor);
    if (image.manifests) out["Manifests"] = manifests_json(*image.manifests);
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
                {"Parent", image.parent},
                {"RepoDigests", image.repo_digests},
                {"RepoTags", image.repo_tags},
                {"RootFS", {{"Type", "layers"}}},
                {"Size", image.size}};
    if (!image.layers.empty()) out["RootFS"]["Layers"] = image.layers;
    if (!image.variant.empty()) out["Variant"] = image.variant;
    if (image.virtual_size) out["VirtualSize"] = image.size;
    if (image.descriptor) out["Descriptor"] = descriptor_json(*image.descriptor);
    if (image.manifests) out["Manifests"] = manifests_json(*image.manifests);
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
