#include "engine/image/listing.h"

#include <algorithm>
#include <set>

#include "engine/image/run_config.h"

namespace berth::image {

namespace {

Timestamp created_time(const oci::ImageConfig& config) {
    auto parsed = parse_rfc3339(config.created);
    return parsed ? *parsed : kNever;
}

void sort_unique(std::vector<std::string>& texts) {
    std::sort(texts.begin(), texts.end());
    texts.erase(std::unique(texts.begin(), texts.end()), texts.end());
}

// Attestations name what they attest in annotations of the index.
ManifestSummary describe(const ReachedManifest& reached) {
    ManifestSummary entry{.descriptor = reached.descriptor};
    const auto& notes = reached.descriptor.annotations;
    const auto type = notes.find("vnd.docker.reference.type");
    if (type != notes.end() && type->second == "attestation-manifest") {
        entry.kind = ManifestSummary::Kind::kAttestation;
        const auto about = notes.find("vnd.docker.reference.digest");
        auto digest = about != notes.end() ? Digest::parse(about->second) : Result<Digest>(Failure(Error{}));
        if (digest) entry.attestation_for = *digest;
    } else if (!reached.manifest || reached.manifest->runnable()) {
        entry.kind = ManifestSummary::Kind::kImage;
        if (reached.descriptor.platform) entry.platform = *reached.descriptor.platform;
    }
    return entry;
}

}  // namespace

void Listing::forget() {
    std::lock_guard guard(mutex_);
    ++generation_;
    known_.clear();
    sizes_.clear();
}

Result<std::uint64_t> Listing::unpacked_size(const std::string& chain) {
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

Result<> Listing::look_at_layers(const ReachedManifest& reached, ManifestSummary& entry, Known& known) {
    const auto& config_digest = reached.manifest->config.digest;
    if (entry.kind != ManifestSummary::Kind::kImage || !content_.has(config_digest)) return {};
    BERTH_TRY(std::string text, content_.read(config_digest));
    auto config = oci::parse_image_config(text);
    if (!config) return {};
    if (!reached.descriptor.platform) entry.platform = config->platform;
    for (const Digest& chain : oci::chain_ids(config->diff_ids)) {
        BERTH_TRY(std::uint64_t size, unpacked_size(chain.text()));
        entry.unpacked_size += size;
        known.parts.emplace_back(chain.text(), size);
    }
    return {};
}

Result<> Listing::look_at_manifest(const ReachedManifest& reached, Known& known) {
    ManifestSummary entry = describe(reached);
    if (reached.manifest) {
        entry.available = true;
        std::vector<Digest> blobs{reached.descriptor.digest, reached.manifest->config.digest};
        for (const auto& layer : reached.manifest->layers) blobs.push_back(layer.digest);
        for (const Digest& blob : blobs) {
            auto size = content_.size(blob);
            if (!size && size.error().kind != ErrorKind::kNotFound) return Failure(std::move(size.error()));
            entry.available = entry.available && size;
            if (!size) continue;
            entry.content_size += *size;
        }
        BERTH_CHECK(look_at_layers(reached, entry, known));
    }
    known.summary.content_size += entry.content_size;
    known.summary.size += entry.content_size + entry.unpacked_size;
    known.summary.manifests.push_back(std::move(entry));
    return {};
}

Result<Listing::KnownPtr> Listing::look(const Digest& target, const std::string& media_type) {
    auto known = std::make_shared<Known>(Known{.summary = {.id = target}, .parts = {}});
    ImageSummary& summary = known->summary;
    summary.media_type = media_type;
    BERTH_TRY(summary.target_size, content_.size(target));
    const oci::Descriptor top{
        .media_type = media_type, .digest = target, .size = static_cast<std::int64_t>(summary.target_size)};
    for (const ReachedManifest& reached : reached_manifests(content_, top)) {
        BERTH_CHECK(look_at_manifest(reached, *known));
    }
    // An image of another platform alone is listed too; it only cannot run here.
    summary.created_at = kNever;
    if (auto image = catalog_.host_image(target)) {
        summary.created_at = created_time((*image)->config);
        BERTH_TRY(RunConfig run, parse_run_config((*image)->config.run));
        summary.labels = std::move(run.labels);
    }
    return KnownPtr(std::move(known));
}

Result<Listing::KnownPtr> Listing::know(const Digest& target, const std::string& media_type) {
    std::uint64_t generation = 0;
    {
        std::lock_guard guard(mutex_);
        if (auto found = known_.find(target); found != known_.end()) return found->second;
        generation = generation_;
    }
    BERTH_TRY(KnownPtr known, look(target, media_type));
    std::lock_guard guard(mutex_);
    if (generation == generation_) known_[target] = known;
    return known;
}

Result<ImageSummary> Listing::summarise(const Digest& target, const std::vector<NamedTarget>& names) {
    BERTH_TRY(KnownPtr known, know(target, names.empty() ? "" : names.front().media_type));
    ImageSummary summary = known->summary;
    for (const NamedTarget& named : names) {
        summary.tagged_at = std::max(summary.tagged_at, named.created_at);
        auto reference = oci::Reference::parse(named.name);
        if (named.name.starts_with(kDangling) || !reference) continue;
        summary.names.push_back(reference->familiar());
        summary.digests.push_back(reference->trimmed().with_digest(target).familiar());
    }
    sort_unique(summary.digests);
    return summary;
}

Result<ImageList> Listing::list(bool shared_sizes) {
    const std::uint64_t names = references_.changes();
    std::uint64_t generation = 0;
    {
        std::lock_guard guard(mutex_);
        generation = generation_;
        const bool same = listed_.images && listed_.names == names && listed_.generation == generation;
        if (same && !shared_sizes) return listed_.images;
    }
    BERTH_TRY(auto images, make_list(shared_sizes));
    auto made = std::make_shared<const std::vector<ImageSummary>>(std::move(images));
    if (shared_sizes) return ImageList(std::move(made));
    std::lock_guard guard(mutex_);
    listed_ = {made, names, generation};
    return ImageList(std::move(made));
}

Result<std::vector<ImageSummary>> Listing::make_list(bool shared_sizes) {
    BERTH_TRY(std::vector<NamedTarget> all, references_.list());
    std::map<Digest, std::vector<NamedTarget>> by_target;
    for (NamedTarget& named : all) by_target[named.target].push_back(std::move(named));
    std::vector<ImageSummary> out;
    std::map<std::string, int> users;
    for (const auto& [target, names] : by_target) {
        auto summary = summarise(target, names);
        // One that is being removed at this moment.
        if (!summary && summary.error().kind == ErrorKind::kNotFound) continue;
        if (!summary) return Failure(std::move(summary.error()));
        out.push_back(std::move(*summary));
        if (!shared_sizes) continue;
        BERTH_TRY(KnownPtr known, know(target, names.front().media_type));
        std::set<std::string> once;
        for (const auto& [part, size] : known->parts) once.insert(part);
        for (const auto& part : once) ++users[part];
    }
    if (shared_sizes) BERTH_CHECK(share_sizes(out, users));
    std::stable_sort(out.begin(), out.end(), [](const ImageSummary& a, const ImageSummary& b) {
        return a.created_at > b.created_at;
    });
    return out;
}

// `users`: how many images have each part.
Result<> Listing::share_sizes(std::vector<ImageSummary>& images, const std::map<std::string, int>& users) {
    for (ImageSummary& summary : images) {
        BERTH_TRY(KnownPtr known, know(summary.id, summary.media_type));
        std::map<std::string, std::uint64_t> shared;
        for (const auto& [part, size] : known->parts) {
            const auto many = users.find(part);
            if (many != users.end() && many->second > 1) shared[part] = size;
        }
        summary.shared_size = 0;
        for (const auto& [part, size] : shared) *summary.shared_size += size;
    }
    return {};
}

Result<ImageDetails> Listing::inspect(const std::string& text, const std::optional<oci::Platform>& platform) {
    BERTH_TRY(Found found, catalog_.find(text));
    BERTH_TRY(ResolvedImage resolved, catalog_.resolve(text, platform));
    BERTH_TRY(ImageSummary summary, summarise(found.target, found.names));
    BERTH_TRY(auto image, catalog_.platform_image(text, found.target, platform));
    oci::Descriptor descriptor{.media_type = summary.media_type,
                               .digest = summary.id,
                               .size = static_cast<std::int64_t>(summary.target_size)};
    for (const ManifestSummary& manifest : summary.manifests) {
        if (platform && manifest.descriptor.digest == image->manifest_digest)
            descriptor = manifest.descriptor;
    }
    ImageDetails details{
        .image = std::move(resolved), .summary = std::move(summary), .descriptor = std::move(descriptor)};
    for (const NamedTarget& name : found.names) details.parent = std::max(details.parent, name.parent);
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

Result<std::uint64_t> Listing::disk_usage() {
    BERTH_TRY(std::uint64_t total, content_.partial_bytes());
    BERTH_TRY(auto blobs, content_.list());
    for (const Digest& blob : blobs) {
        if (auto size = content_.size(blob)) total += *size;
    }
    BERTH_TRY(auto snapshots, snapshots_.list());
    for (const auto& snapshot : snapshots) {
        if (!snapshot.committed) continue;
        BERTH_TRY(std::uint64_t size, unpacked_size(snapshot.key));
        total += size;
    }
    return total;
}

}  // namespace berth::image
