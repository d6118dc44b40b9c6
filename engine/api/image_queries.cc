#include "engine/api/image_queries.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

namespace berth::api {

namespace {

using image::ImageDetails;
using image::ImageSummary;
using image::ManifestSummary;
using nlohmann::json;

constexpr ApiVersion kNoVirtualSize{1, 44}, kDescriptor{1, 48}, kShortConfig{1, 50};

json platform_json(const oci::Platform& platform) {
    json out = {{"architecture", platform.architecture}, {"os", platform.os}};
    if (!platform.variant.empty()) out["variant"] = platform.variant;
    if (!platform.os_version.empty()) out["os.version"] = platform.os_version;
    return out;
}

types::ImageDescriptor show_descriptor(const oci::Descriptor& descriptor) {
    return {.media_type = descriptor.media_type,
            .digest = descriptor.digest.text(),
            .size = static_cast<std::uint64_t>(descriptor.size),
            .platform_json = descriptor.platform ? platform_json(*descriptor.platform).dump() : "",
            .annotations = descriptor.annotations};
}

}  // namespace

std::int64_t unix_seconds(Timestamp time) {
    if (time == kNever) return -62135596800;
    return std::chrono::floor<std::chrono::seconds>(time.time_since_epoch()).count();
}

std::vector<types::ImageManifest> show_manifests(const ImageSummary& image) {
    std::vector<types::ImageManifest> out;
    for (const ManifestSummary& manifest : image.manifests) {
        using Kind = ManifestSummary::Kind;
        out.push_back({.kind = manifest.kind == Kind::kImage         ? "image"
                               : manifest.kind == Kind::kAttestation ? "attestation"
                                                                     : "unknown",
                       .descriptor = show_descriptor(manifest.descriptor),
                       .available = manifest.available,
                       .content_size = manifest.content_size,
                       .unpacked_size = manifest.unpacked_size,
                       .platform_json = platform_json(manifest.platform).dump(),
                       .attestation_for = manifest.attestation_for ? manifest.attestation_for->text() : "",
                       .containers = {}});
    }
    return out;
}

Result<> refuse_parameters(const http::Query& query, std::initializer_list<const char*> names) {
    for (const char* name : names) {
        const auto value = query.get(name);
        if (value.empty() || value == "0" || value == "false") continue;
        return fail(ErrorKind::kNotImplemented,
                    fmt::format("the parameter \"{}\" is not supported yet", name));
    }
    return {};
}

Result<oci::Reference> pull_reference(const http::Query& query) {
    std::string name = query.get("fromImage");
    if (name.ends_with(':')) name.pop_back();
    BERTH_TRY(auto reference, oci::Reference::parse(name));
    if (const auto tag = query.get("tag"); !tag.empty()) {
        if (auto digest = Digest::parse(tag)) return reference.trimmed().with_digest(*digest);
        BERTH_TRY(reference, reference.with_tag(tag));
    }
    if (reference.path() == "library/scratch" || reference.path() == "scratch") {
        return fail(ErrorKind::kForbidden, "'scratch' is a reserved name");
    }
    return reference;
}

Result<std::vector<oci::Platform>> platforms_of(const http::Query& query, const char* name) {
    std::vector<oci::Platform> out;
    for (const std::string& text : query.all(name)) {
        if (text.empty()) continue;
        const auto object = json::parse(text, nullptr, false);
        auto field = [&](const char* name) {
            return object.contains(name) && object[name].is_string() ? object[name].get<std::string>()
                                                                     : std::string();
        };
        if (!object.is_object()) {
            return fail(
                ErrorKind::kInvalidArgument,
                fmt::format("failed to parse platform: invalid character '{}' looking for beginning of "
                            "value",
                            text[0]));
        }
        oci::Platform platform{.os = field("os"),
                               .architecture = field("architecture"),
                               .variant = field("variant"),
                               .os_version = field("os.version")};
        if (platform.os.empty() || platform.architecture.empty())
            return fail(ErrorKind::kInvalidArgument, "both OS and Architecture must be provided");
        out.push_back(platform.normalised());
    }
    return out;
}

Result<std::optional<oci::Platform>> platform_of(const http::Query& query) {
    BERTH_TRY(auto all, platforms_of(query));
    if (all.empty()) return std::optional<oci::Platform>();
    return std::optional<oci::Platform>(std::move(all.front()));
}

Result<std::string> import_name(const http::Query& query) {
    const auto repository = query.get("repo");
    if (repository.empty()) return std::string();
    BERTH_TRY(auto reference, oci::Reference::parse(repository));
    if (const auto tag = query.get("tag"); !tag.empty()) {
        BERTH_TRY(reference, reference.with_tag(tag));
    }
    return reference.with_default_tag().text();
}

Result<json> show_image(const ImageDetails& details, bool manifests, ApiVersion version) {
    const auto& [image, summary] = std::tie(details.image, details.summary);
    const auto document = json::parse(image.config_json, nullptr, false);
    types::ImageInspect out{.id = details.descriptor.digest.text(),
                            .comment = details.comment,
                            .created = details.created,
                            .author = details.author,
                            .docker_version = details.docker_version,
                            .architecture = image.platform.architecture,
                            .variant = image.platform.variant,
                            .os = image.platform.os,
                            .parent = details.parent,
                            .last_tag_time = format_rfc3339_nano(summary.tagged_at),
                            .repo_tags = summary.names,
                            .repo_digests = summary.digests,
                            .layers = details.layers,
                            .size = summary.content_size,
                            .every_config_field = version < kShortConfig,
                            .virtual_size = version < kNoVirtualSize};
    if (document.is_object() && document.contains("config") && document["config"].is_object()) {
        out.config_json = document["config"].dump();
    }
    if (version >= kDescriptor) out.descriptor = show_descriptor(details.descriptor);
    if (manifests && version >= kDescriptor) out.manifests = show_manifests(summary);
    return types::to_json(out);
}

// Newest first; a step that made no layer has no size.
json show_history(const ImageDetails& details) {
    std::vector<types::ImageHistory> entries;
    std::size_t layer = 0;
    for (const auto& step : details.history) {
        types::ImageHistory entry{.created_by = step.created_by, .comment = step.comment};
        auto created = parse_rfc3339(step.created);
        entry.created = unix_seconds(created ? *created : kNever);
        if (!step.empty_layer && layer < details.layer_sizes.size())
            entry.size = details.layer_sizes[layer++];
        entries.push_back(std::move(entry));
    }
    if (!entries.empty()) {
        entries.back().id = details.summary.id.text();
        entries.back().tags = details.summary.names;
    }
    auto out = json::array();
    for (auto entry = entries.rbegin(); entry != entries.rend(); ++entry)
        out.push_back(types::to_json(*entry));
    return out;
}

json show_removed(const std::vector<image::RemovedImage>& removed) {
    auto out = json::array();
    for (const auto& item : removed) {
        if (!item.untagged.empty()) out.push_back({{"Untagged", item.untagged}});
        if (!item.deleted.empty()) out.push_back({{"Deleted", item.deleted}});
    }
    return out;
}

}  // namespace berth::api
