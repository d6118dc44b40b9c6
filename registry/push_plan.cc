#include "registry/push_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "engine/image/documents.h"

namespace berth::registry {

namespace {

constexpr int kNesting = 4;  // indexes within indexes

struct Walk {
    content::ContentStore& content;
    PushPlan plan;
    std::set<Digest> seen;

    void add_blob(const oci::Descriptor& blob) {
        if (seen.insert(blob.digest).second) plan.blobs.push_back(blob);
    }
    Result<> visit(const oci::Descriptor& descriptor, int depth) {
        if (!seen.insert(descriptor.digest).second) return {};
        if (depth > kNesting)
            return fail(ErrorKind::kInvalidArgument, "the image's index is nested too deeply");
        BERTH_TRY(std::string bytes, content.read(descriptor.digest));
        BERTH_TRY(auto document, oci::parse_document(bytes, ""));
        if (const auto* index = std::get_if<oci::Index>(&document)) {
            for (const auto& child : index->manifests) BERTH_CHECK(visit(child, depth + 1));
        } else {
            const auto& manifest = std::get<oci::Manifest>(document);
            for (const auto& layer : manifest.layers) add_blob(layer);
            add_blob(manifest.config);
        }
        auto own = descriptor;
        own.media_type = std::visit([](const auto& d) { return d.media_type; }, document);
        own.size = static_cast<std::int64_t>(bytes.size());
        plan.documents.push_back({std::move(own), std::move(bytes)});
        return {};
    }
};

}  // namespace

Result<PushPlan> plan_push(content::ContentStore& content, const oci::Descriptor& target) {
    Walk walk{content, {}, {}};
    BERTH_CHECK(walk.visit(target, 0));
    return std::move(walk.plan);
}

Result<oci::Descriptor> choose_to_push(image::ImageService& images, const oci::Reference& reference,
                                       const oci::Descriptor& target,
                                       const std::optional<oci::Platform>& platform) {
    BERTH_TRY(const auto details, images.inspect(reference.text()));
    const auto host = oci::Platform::host();
    bool missing = false;
    std::vector<const image::ManifestSummary*> fitting;
    for (const auto& manifest : details.summary.manifests) {
        if (!manifest.available) missing = true;
        if (!manifest.available || manifest.kind != image::ManifestSummary::Kind::kImage) continue;
        const bool fits = !platform || platform->normalised() == manifest.platform.normalised();
        if (fits) fitting.push_back(&manifest);
    }
    if (fitting.empty()) {
        return fail(ErrorKind::kNotFound,
                    fmt::format("image with reference {} was found but does not provide the specified "
                                "platform ({})",
                                reference.familiar(), (platform ? *platform : host).text()));
    }
    if (!platform && !missing) return target;
    if (fitting.size() == 1) return fitting.front()->descriptor;
    if (platform) {
        return fail(ErrorKind::kConflict,
                    fmt::format("multiple manifests found for platform {}", platform->text()));
    }
    const auto better = [&](const auto* a, const auto* b) {
        return host.preference(a->platform).value_or(100) < host.preference(b->platform).value_or(100);
    };
    const auto* best = *std::min_element(fitting.begin(), fitting.end(), better);
    if (host.runs(best->platform)) return best->descriptor;
    return fail(ErrorKind::kConflict, "multiple matching manifests found but no specific platform requested");
}

std::map<Digest, std::string> mount_sources(content::ContentStore& content,
                                            const std::vector<image::NamedImage>& names,
                                            const oci::Reference& reference) {
    struct Source {
        std::size_t common;
        std::string path;
        oci::Descriptor target;
    };
    std::vector<Source> sources;
    for (const auto& named : names) {
        auto other = oci::Reference::parse(named.name);
        if (!other || other->domain() != reference.domain() || other->path() == reference.path()) continue;
        const std::string &path = other->path(), &own = reference.path();
        const auto differ = std::mismatch(path.begin(), path.end(), own.begin(), own.end());
        sources.push_back({static_cast<std::size_t>(differ.first - path.begin()), path, named.target});
    }
    std::stable_sort(sources.begin(), sources.end(),
                     [](const Source& a, const Source& b) { return a.common > b.common; });
    std::map<Digest, std::string> out;
    for (const auto& source : sources) {
        for (const auto& blob : image::reachable_blobs(content, source.target.digest))
            out.try_emplace(blob, source.path);
    }
    return out;
}

}  // namespace berth::registry
