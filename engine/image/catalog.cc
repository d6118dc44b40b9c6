#include "engine/image/catalog.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "engine/image/run_config.h"

namespace berth::image {

namespace {

Failure no_such_image(const std::string& text) {
    auto reference = oci::Reference::parse(text);
    std::string name = reference ? reference->with_default_tag().familiar() : text;
    return fail(ErrorKind::kNotFound, "No such image: " + name);
}

Timestamp created_time(const oci::ImageConfig& config) {
    auto parsed = parse_rfc3339(config.created);
    return parsed ? *parsed : kNever;
}

}  // namespace

Result<std::shared_ptr<const PlatformImage>> Catalog::host_image(const Digest& target) {
    {
        std::lock_guard guard(mutex_);
        if (auto known = images_.find(target); known != images_.end()) return known->second;
    }
    BERTH_TRY(PlatformImage image, pick_platform(content_, target, {}));
    auto shared = std::make_shared<const PlatformImage>(std::move(image));
    std::lock_guard guard(mutex_);
    images_[target] = shared;
    return shared;
}

void Catalog::forget(const Digest& target) {
    std::lock_guard guard(mutex_);
    images_.erase(target);
    sizes_.clear();
}

bool Catalog::answers_to(const NamedTarget& reference, std::string_view prefix) {
    if (reference.target.hex().starts_with(prefix)) return true;
    auto image = host_image(reference.target);
    return image && ((*image)->manifest_digest.hex().starts_with(prefix) ||
                     (*image)->manifest.config.digest.hex().starts_with(prefix));
}

Result<Found> Catalog::find(const std::string& text) {
    BERTH_TRY(std::vector<NamedTarget> all, references_.list());
    std::optional<Digest> target;
    std::optional<NamedTarget> exact;
    auto reference = oci::Reference::parse(text);
    if (reference) {
        std::string name = reference->with_default_tag().text();
        std::string digest_name =
            reference->digest() ? reference->trimmed().with_digest(*reference->digest()).text() : name;
        for (const NamedTarget& candidate : all) {
            if (candidate.name != name && candidate.name != digest_name) continue;
            target = candidate.target;
            exact = candidate;
        }
        // name@digest also finds a tag of that name at that digest.
        for (const NamedTarget& candidate : all) {
            if (target || !reference->digest() || candidate.target != *reference->digest()) continue;
            auto named = oci::Reference::parse(candidate.name);
            if (named && named->name() == reference->name()) target = candidate.target;
        }
    }
    std::string_view prefix = oci::id_prefix(text);
    if (!target && !prefix.empty()) {
        std::set<Digest> matches;
        for (const NamedTarget& candidate : all) {
            if (answers_to(candidate, prefix)) matches.insert(candidate.target);
        }
        if (matches.size() > 1) {
            return fail(ErrorKind::kInvalidArgument, fmt::format("ambiguous reference: {}", text));
        }
        if (!matches.empty()) target = *matches.begin();
    }
    if (!target && !reference && prefix.empty()) return Failure(reference.error());
    if (!target) return no_such_image(text);
    std::erase_if(all, [&](const NamedTarget& candidate) { return candidate.target != *target; });
    return Found{*target, std::move(all), std::move(exact)};
}

Result<ResolvedImage> Catalog::resolve(const std::string& text,
                                       const std::optional<oci::Platform>& platform) {
    BERTH_TRY(Found found, find(text));
    std::shared_ptr<const PlatformImage> image;
    if (platform) {
        auto picked = pick_platform(content_, found.target, platform);
        if (!picked) {
            auto reference = oci::Reference::parse(text);
            return fail(
                ErrorKind::kNotFound,
                fmt::format(
                    "image with reference {} was found but does not provide the specified platform ({})",
                    reference ? reference->with_default_tag().familiar() : text, platform->text()));
        }
        image = std::make_shared<const PlatformImage>(std::move(*picked));
    } else {
        BERTH_TRY(image, host_image(found.target));
    }
    BERTH_TRY(RunConfig run, parse_run_config(image->config.run));
    return ResolvedImage{.id = found.target,
                         .manifest = image->manifest_digest,
                         .config = image->manifest.config.digest,
                         .top = image->chain.empty() ? "" : image->chain.back().text(),
                         .run = std::move(run),
                         .platform = image->config.platform,
                         .config_json = image->config_json};
}

Result<std::uint64_t> Catalog::unpacked_size(const std::string& chain) {
    {
        std::lock_guard guard(mutex_);
        if (auto known = sizes_.find(chain); known != sizes_.end()) return known->second;
    }
    auto used = snapshots_.usage(chain);
    if (!used && used.error().kind == ErrorKind::kNotFound) return std::uint64_t{0};
    if (!used) return used;
    std::lock_guard guard(mutex_);
    sizes_[chain] = *used;
    return used;
}

Result<ImageSummary> Catalog::summarise(const Digest& target, const std::vector<NamedTarget>& names) {
    ImageSummary summary{.id = target};
    for (const NamedTarget& named : names) {
        auto reference = oci::Reference::parse(named.name);
        if (named.name.starts_with(kDangling) || !reference) continue;
        if (!reference->tag().empty()) summary.names.push_back(reference->familiar());
        summary.digests.push_back(reference->trimmed().with_digest(target).familiar());
    }
    std::sort(summary.digests.begin(), summary.digests.end());
    summary.digests.erase(std::unique(summary.digests.begin(), summary.digests.end()), summary.digests.end());
    for (const Digest& blob : reachable_blobs(content_, target)) {
        BERTH_TRY(std::uint64_t size, content_.size(blob));
        summary.size += size;
    }
    auto image = host_image(target);
    // An image of another platform alone is listed too; it only cannot run here.
    if (!image) return summary;
    for (const Digest& chain : (*image)->chain) {
        BERTH_TRY(std::uint64_t size, unpacked_size(chain.text()));
        summary.size += size;
    }
    summary.created_at = created_time((*image)->config);
    BERTH_TRY(RunConfig run, parse_run_config((*image)->config.run));
    summary.labels = std::move(run.labels);
    return summary;
}

Result<std::vector<ImageSummary>> Catalog::list() {
    BERTH_TRY(std::vector<NamedTarget> all, references_.list());
    std::map<Digest, std::vector<NamedTarget>> by_target;
    for (NamedTarget& named : all) by_target[named.target].push_back(std::move(named));
    std::vector<ImageSummary> out;
    for (const auto& [target, names] : by_target) {
        BERTH_TRY(ImageSummary summary, summarise(target, names));
        out.push_back(std::move(summary));
    }
    std::stable_sort(out.begin(), out.end(), [](const ImageSummary& a, const ImageSummary& b) {
        return a.created_at > b.created_at;
    });
    return out;
}

Result<ImageDetails> Catalog::inspect(const std::string& text) {
    BERTH_TRY(Found found, find(text));
    BERTH_TRY(ResolvedImage resolved, resolve(text, {}));
    BERTH_TRY(ImageSummary summary, summarise(found.target, found.names));
    BERTH_TRY(auto image, host_image(found.target));
    BERTH_TRY(std::uint64_t target_size, content_.size(found.target));
    ImageDetails details{.image = std::move(resolved), .summary = std::move(summary)};
    details.media_type = found.names.empty() ? "" : found.names.front().media_type;
    details.target_size = target_size;
    for (const Digest& diff : image->config.diff_ids) details.layers.push_back(diff.text());
    for (const Digest& chain : image->chain) {
        BERTH_TRY(std::uint64_t size, unpacked_size(chain.text()));
        details.layer_sizes.push_back(size);
    }
    details.history = image->config.history;
    details.author = image->config.author;
    details.docker_version = image->config.docker_version;
    details.created = image->config.created;
    if (!image->config.history.empty()) details.comment = image->config.history.back().comment;
    return details;
}

}  // namespace berth::image
