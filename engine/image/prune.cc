#include "engine/image/prune.h"

#include <set>

namespace berth::image {

namespace {

using User = ImageService::User;

// Whether the container was made from "x@sha256:…" or from an id, which no name stands for.
bool made_from_id(const User& user) {
    const std::string id =
        "sha256:" + (user.reference.starts_with("sha256:") ? user.reference.substr(7) : user.reference);
    return user.image.text().starts_with(id) || user.reference.ends_with("@" + user.image.text());
}

std::string shown_name(const NamedTarget& named) {
    if (named.name.starts_with(kDangling)) return named.target.text();
    auto reference = oci::Reference::parse(named.name);
    return reference ? reference->familiar() : named.name;
}

}  // namespace

Result<Prune::Names> Prune::choose(const PruneRequest& request, const std::vector<User>& users) {
    BERTH_TRY(std::vector<NamedTarget> all, references_.list());
    std::map<Digest, int> names_of;
    Names chosen;
    for (const NamedTarget& named : all) {
        ++names_of[named.target];
        if (request.dangling_only && !named.name.starts_with(kDangling)) continue;
        BERTH_TRY(auto summary, listing_.summarise(named.target, {named}));
        if (!request.takes || request.takes(summary, named.created_at)) chosen.emplace(named.name, named);
    }
    std::set<Digest> used;
    for (const User& user : users) {
        chosen.erase(std::string(kDangling) + user.image.text());
        if (made_from_id(user)) used.insert(user.image);
        auto reference = oci::Reference::parse(user.reference);
        if (!reference) continue;
        chosen.erase(reference->with_default_tag().text());
        if (reference->digest() && !reference->tag().empty())
            chosen.erase(reference->name() + ":" + reference->tag());
    }
    for (auto named = chosen.begin(); named != chosen.end();) {
        const Digest& target = named->second.target;
        const bool last = --names_of[target] == 0;
        named = last && used.contains(target) ? chosen.erase(named) : std::next(named);
    }
    return chosen;
}

Result<> Prune::remove(const Names& names) {
    for (const auto& [name, named] : names) BERTH_CHECK(references_.remove(name));
    return collector_.collect();
}

// Name by name, and with the last one of an image what has gone with it.
void Prune::tell(const Names& names, const std::map<Digest, std::vector<ManifestSummary>>& targets,
                 PruneReport& report) {
    std::map<Digest, int> left;
    for (const auto& [name, named] : names) ++left[named.target];
    std::set<std::string> told;
    auto gone = [&](const Digest& digest) {
        if (content_.has(digest) || !told.insert(digest.text()).second) return;
        report.removed.push_back({.deleted = digest.text()});
    };
    for (const auto& [name, named] : names) {
        const std::string shown = shown_name(named), target = named.target.text();
        auto publish = [&](const char* action) {
            events_.publish(
                {.type = "image", .action = action, .actor_id = target, .attributes = {{"name", shown}}});
        };
        publish("untag");
        report.removed.push_back({.untagged = shown});
        if (--left[named.target] > 0 || content_.has(named.target)) continue;
        gone(named.target);
        for (const auto& manifest : targets.at(named.target)) {
            if (manifest.available) gone(manifest.descriptor.digest);
        }
        publish("delete");
    }
}

Result<PruneReport> Prune::run(PruneRequest request, const std::vector<User>& users) {
    std::unique_lock guard(running_, std::try_to_lock);
    if (!guard) return fail(ErrorKind::kConflict, "a prune operation is already running");
    BERTH_TRY(const Names names, choose(request, users));
    std::map<Digest, std::vector<ManifestSummary>> targets;
    for (const auto& [name, named] : names) {
        BERTH_TRY(auto summary, listing_.summarise(named.target, {named}));
        targets.emplace(named.target, std::move(summary.manifests));
    }
    PruneReport report;
    listing_.forget();
    BERTH_TRY(const std::uint64_t before, listing_.disk_usage());
    BERTH_CHECK(remove(names));
    // What a broken pull left for the next one is nobody's image either.
    BERTH_CHECK(content_.drop_partials());
    listing_.forget();
    BERTH_TRY(const std::uint64_t after, listing_.disk_usage());
    report.reclaimed = before > after ? before - after : 0;
    tell(names, targets, report);
    return report;
}

}  // namespace berth::image
