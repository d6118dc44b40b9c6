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
}

void Catalog::forget_all() {
    std::lock_guard guard(mutex_);
    images_.clear();
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

Result<std::shared_ptr<const PlatformImage>> Catalog::platform_image(
    const std::string& text, const Digest& target, const std::optional<oci::Platform>& platform) {
    if (!platform) return host_image(target);
    auto picked = pick_platform(content_, target, platform);
    if (picked) return std::make_shared<const PlatformImage>(std::move(*picked));
    auto reference = oci::Reference::parse(text);
    return fail(
        ErrorKind::kNotFound,
        fmt::format("image with reference {} was found but does not provide the specified platform ({})",
                    reference ? reference->with_default_tag().familiar() : text, platform->text()));
}

Result<ResolvedImage> Catalog::resolve(const std::string& text,
                                       const std::optional<oci::Platform>& platform) {
    BERTH_TRY(Found found, find(text));
    BERTH_TRY(auto image, platform_image(text, found.target, platform));
    BERTH_TRY(RunConfig run, parse_run_config(image->config.run));
    return ResolvedImage{.id = found.target,
                         .manifest = image->manifest_digest,
                         .config = image->manifest.config.digest,
                         .top = image->chain.empty() ? "" : image->chain.back().text(),
                         .run = std::move(run),
                         .platform = image->config.platform,
                         .config_json = image->config_json};
}

}  // namespace berth::image
