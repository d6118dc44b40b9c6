#include "engine/image/documents.h"

#include <algorithm>
#include <set>

namespace berth::image {

namespace {

// An index of indexes deeper than this is nobody's image.
constexpr int kNesting = 4;

Result<PlatformImage> read_image(content::ContentStore& content, const Digest& digest,
                                 oci::Manifest manifest) {
    BERTH_TRY(std::string config_json, content.read(manifest.config.digest));
    BERTH_TRY(oci::ImageConfig config, oci::parse_image_config(config_json));
    BERTH_CHECK(check_layers(manifest, config));
    std::vector<Digest> chain = oci::chain_ids(config.diff_ids);
    return PlatformImage{digest, std::move(manifest), std::move(config), std::move(config_json),
                         std::move(chain)};
}

struct Candidate {
    int preference;
    Digest digest;
};

// The manifests of an index that the platform can run, best first.
std::vector<Candidate> candidates(content::ContentStore& content, const oci::Index& index,
                                  const oci::Platform& wanted) {
    std::vector<Candidate> out;
    for (const oci::Descriptor& descriptor : index.manifests) {
        if (!content.has(descriptor.digest)) continue;
        std::optional<oci::Platform> platform = descriptor.platform;
        if (!platform) {
            auto document = read_document(content, descriptor.digest);
            const auto* manifest = document ? std::get_if<oci::Manifest>(&*document) : nullptr;
            auto text = manifest != nullptr ? content.read(manifest->config.digest)
                                            : Result<std::string>(std::string());
            auto config =
                text ? oci::parse_image_config(*text) : Result<oci::ImageConfig>(Failure(text.error()));
            if (config) platform = config->platform;
        }
        if (!platform) continue;
        if (auto preference = wanted.preference(*platform)) out.push_back({*preference, descriptor.digest});
    }
    std::stable_sort(out.begin(), out.end(),
                     [](const Candidate& a, const Candidate& b) { return a.preference < b.preference; });
    return out;
}

void reach(content::ContentStore& content, const Digest& digest, std::set<Digest>& seen, int depth) {
    if (depth > kNesting || !content.has(digest) || !seen.insert(digest).second) return;
    auto document = read_document(content, digest);
    if (!document) return;
    if (const auto* index = std::get_if<oci::Index>(&*document)) {
        for (const oci::Descriptor& child : index->manifests) reach(content, child.digest, seen, depth + 1);
        return;
    }
    const auto& manifest = std::get<oci::Manifest>(*document);
    if (content.has(manifest.config.digest)) seen.insert(manifest.config.digest);
    for (const oci::Descriptor& layer : manifest.layers) {
        if (content.has(layer.digest)) seen.insert(layer.digest);
    }
}

void reach_manifests(content::ContentStore& content, const oci::Descriptor& at,
                     std::vector<ReachedManifest>& out, int depth) {
    auto document = content.has(at.digest) ? read_document(content, at.digest)
                                           : Result<oci::Document>(fail(ErrorKind::kNotFound, ""));
    const auto* index = document ? std::get_if<oci::Index>(&*document) : nullptr;
    if (index == nullptr) {
        auto* manifest = document ? std::get_if<oci::Manifest>(&*document) : nullptr;
        out.push_back({at, manifest != nullptr ? std::optional(std::move(*manifest)) : std::nullopt});
        return;
    }
    for (const oci::Descriptor& child : index->manifests) {
        if (depth < kNesting) reach_manifests(content, child, out, depth + 1);
    }
}

std::vector<ReachedManifest> reached_of(content::ContentStore& content, const oci::Index& index) {
    std::vector<ReachedManifest> out;
    for (const oci::Descriptor& child : index.manifests) reach_manifests(content, child, out, 1);
    return out;
}

}  // namespace

Result<> check_depth(std::size_t layers) {
    // More cannot be mounted (overlayfs, OVL_MAX_STACK).
    constexpr std::size_t kDepth = 500;
    return layers > kDepth ? Result<>(fail(ErrorKind::kInvalidArgument, "max depth exceeded")) : Result<>();
}

Result<> check_layers(const oci::Manifest& manifest, const oci::ImageConfig& config) {
    BERTH_CHECK(check_depth(manifest.layers.size()));
    if (config.diff_ids.size() == manifest.layers.size()) return {};
    return fail(ErrorKind::kInvalidArgument, "mismatched image rootfs and manifest layers");
}

std::vector<ReachedManifest> reached_manifests(content::ContentStore& content,
                                               const oci::Descriptor& target) {
    std::vector<ReachedManifest> out;
    reach_manifests(content, target, out, 0);
    return out;
}

Result<oci::Document> read_document(content::ContentStore& content, const Digest& target) {
    BERTH_TRY(std::string bytes, content.read(target));
    return oci::parse_document(bytes, "");
}

Result<PlatformImage> pick_platform(content::ContentStore& content, const Digest& target,
                                    const std::optional<oci::Platform>& platform) {
    BERTH_TRY(oci::Document document, read_document(content, target));
    oci::Platform wanted = platform ? platform->normalised() : oci::Platform::host();
    if (auto* manifest = std::get_if<oci::Manifest>(&document)) {
        BERTH_TRY(PlatformImage image, read_image(content, target, std::move(*manifest)));
        if (platform && !wanted.runs(image.config.platform)) {
            return fail(ErrorKind::kNotFound, "no match for platform " + wanted.text());
        }
        return image;
    }
    for (const Candidate& candidate : candidates(content, std::get<oci::Index>(document), wanted)) {
        BERTH_TRY(oci::Document inner, read_document(content, candidate.digest));
        auto* manifest = std::get_if<oci::Manifest>(&inner);
        if (manifest != nullptr && manifest->runnable())
            return read_image(content, candidate.digest, std::move(*manifest));
    }
    // An image that was pulled for another machine alone is still this name's image.
    for (const ReachedManifest& reached : reached_of(content, std::get<oci::Index>(document))) {
        if (platform || !reached.manifest || !reached.manifest->runnable()) continue;
        if (content.has(reached.manifest->config.digest))
            return read_image(content, reached.descriptor.digest, *reached.manifest);
    }
    return fail(ErrorKind::kNotFound, "no match for platform " + wanted.text());
}

std::vector<Digest> reachable_blobs(content::ContentStore& content, const Digest& target) {
    std::set<Digest> seen;
    reach(content, target, seen, 0);
    return {seen.begin(), seen.end()};
}

}  // namespace berth::image
