#include "engine/image/removal.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/base/ids.h"

namespace berth::image {

namespace {

using User = ImageService::User;

Failure conflict(std::string_view what, bool forcible, std::string_view why) {
    return fail(ErrorKind::kConflict, fmt::format("conflict: unable to delete {} ({}) - {}", what,
                                                  forcible ? "must be forced" : "cannot be forced", why));
}

const User* user_of(std::span<const User> users, const Digest& image, bool running) {
    auto found = std::find_if(users.begin(), users.end(), [&](const User& user) {
        return user.image == image && user.running == running;
    });
    return found == users.end() ? nullptr : &*found;
}

std::string familiar(const NamedTarget& named) {
    auto reference = oci::Reference::parse(named.name);
    return reference ? reference->familiar() : named.name;
}

// Of names that all point at one image, those that go together with `wanted`: the same tag; digests of the
// same repository, unless another tag of it stays; all tags where `wanted` is a digest; a name of nobody's.
std::vector<NamedTarget> same_references(const oci::Reference& wanted,
                                         const std::vector<NamedTarget>& names) {
    std::vector<NamedTarget> same, digests;
    bool other_tag = false;
    std::string tag = wanted.tag();
    const bool all_tags = tag.empty() && wanted.digest();
    for (const NamedTarget& named : names) {
        auto reference = oci::Reference::parse(named.name);
        if (named.name.starts_with(kDangling) || !reference) {
            same.push_back(named);
            continue;
        }
        if (reference->name() != wanted.name()) continue;
        if (all_tags) {
            same.push_back(named);
        } else if (reference->tag().empty()) {
            digests.push_back(named);
        } else if (tag.empty() || tag == reference->tag()) {
            tag = reference->tag();
            same.push_back(named);
        } else {
            other_tag = true;
        }
    }
    if (!other_tag) same.insert(same.end(), digests.begin(), digests.end());
    return same;
}

// The name that was meant, when a name was meant.
std::optional<oci::Reference> named_by(const std::string& text, const Found& found) {
    if (!found.exact) {
        const auto prefix = oci::id_prefix(text);
        if (!prefix.empty() && found.target.hex().starts_with(prefix)) return {};
    }
    auto reference = oci::Reference::parse(found.exact ? found.exact->name : text);
    if (!reference) return {};
    return *reference;
}

}  // namespace

void Removal::publish(const char* action, const Digest& target, const std::string& name) {
    events_.publish(
        {.type = "image", .action = action, .actor_id = target.text(), .attributes = {{"name", name}}});
}

Result<std::vector<RemovedImage>> Removal::untag(const std::vector<NamedTarget>& names) {
    std::vector<RemovedImage> out;
    for (const NamedTarget& named : names) {
        BERTH_CHECK(references_.remove(named.name));
        if (named.name.starts_with(kDangling)) continue;
        publish("untag", named.target, familiar(named));
        out.push_back({.untagged = familiar(named)});
    }
    return out;
}

Result<std::vector<RemovedImage>> Removal::remove_all(const Found& found,
                                                      std::span<const ImageService::User> users, bool forced,
                                                      bool names_conflict) {
    const std::string shown_id(short_id(found.target.hex()));
    if (const User* user = user_of(users, found.target, true)) {
        return conflict(
            shown_id, false,
            fmt::format("image is being used by running container {}", short_id(user->container_id)));
    }
    const User* stopped = user_of(users, found.target, false);
    if (stopped != nullptr && !forced) {
        return conflict(
            shown_id, true,
            fmt::format("image is being used by stopped container {}", short_id(stopped->container_id)));
    }
    if (names_conflict && !forced && found.names.size() > 1)
        return conflict(shown_id, true, "image is referenced in multiple repositories");
    BERTH_TRY(std::vector<RemovedImage> out, untag(found.names));
    catalog_.forget(found.target);
    publish("delete", found.target, found.target.text());
    out.push_back({.deleted = found.target.text()});
    return out;
}

Result<std::vector<RemovedImage>> Removal::run(const std::string& text, bool force, bool prune_parents,
                                               const std::vector<User>& users) {
    BERTH_TRY(const Found found, catalog_.find(text));
    BERTH_TRY(std::string parent, references_.parent_of(found.target));
    BERTH_TRY(auto removed, choose(text, found, force, users));
    const bool gone = !removed.empty() && !removed.back().deleted.empty();
    if (gone && prune_parents) BERTH_CHECK(remove_parents(std::move(parent), users, removed));
    return removed;
}

Result<> Removal::remove_parents(std::string parent, const std::vector<User>& users,
                                 std::vector<RemovedImage>& removed) {
    while (!parent.empty()) {
        const std::string name = std::string(kDangling) + parent;
        BERTH_TRY(auto dangling, references_.find(name));
        if (!dangling) return {};
        const Digest& target = dangling->target;
        if (user_of(users, target, true) != nullptr || user_of(users, target, false) != nullptr) return {};
        BERTH_CHECK(references_.remove(name));
        catalog_.forget(target);
        publish("delete", target, target.text());
        removed.push_back({.deleted = target.text()});
        parent = std::move(dangling->parent);
    }
    return {};
}

Result<std::vector<RemovedImage>> Removal::choose(const std::string& text, const Found& found, bool force,
                                                  const std::vector<User>& users) {
    const auto named = named_by(text, found);
    if (!named) return remove_all(found, users, force, true);
    const auto same = same_references(*named, found.names);
    if (!same.empty() && same.size() != found.names.size()) return untag(same);
    if (!found.exact) return remove_all(found, users, force, same.size() != found.names.size());
    const auto user = std::find_if(users.begin(), users.end(),
                                   [&](const User& each) { return each.image == found.target; });
    if (user == users.end()) return remove_all(found, users, force, false);
    if (!force) {
        return conflict(familiar(*found.exact), true,
                        fmt::format("container {} is using its referenced image {}",
                                    short_id(user->container_id), short_id(found.target.hex())));
    }
    // The name goes, the image stays without one for the container that needs it.
    NamedTarget dangling = *found.exact;
    dangling.name = std::string(kDangling) + found.target.text();
    BERTH_CHECK(references_.put(dangling));
    return untag(same);
}

Result<std::vector<RemovedImage>> Removal::remove_platforms(content::ContentStore& content,
                                                            const std::string& text,
                                                            const std::vector<oci::Platform>& platforms) {
    BERTH_TRY(const Found found, catalog_.find(text));
    std::vector<Digest> manifests;
    for (const oci::Platform& platform : platforms) {
        auto image = catalog_.platform_image(text, found.target, platform);
        // A platform that merely could stand in for it is not meant.
        if (image && (*image)->config.platform.normalised() != platform) {
            image = fail(ErrorKind::kNotFound,
                         fmt::format("image with reference {} was found but does not provide the specified "
                                     "platform ({})",
                                     text, platform.text()));
        }
        if (!image) {
            return in(fmt::format("failed to delete platform {} for image {}", platform.text(),
                                  found.target.text()),
                      Result<std::vector<RemovedImage>>(Failure(image.error())));
        }
        manifests.push_back((*image)->manifest_digest);
    }
    // An image of this platform alone goes with its names.
    if (manifests.front() == found.target) return remove_all(found, {}, true, false);
    std::vector<RemovedImage> out;
    for (const Digest& manifest : manifests) {
        BERTH_CHECK(content.remove(manifest));
        out.push_back({.deleted = manifest.text()});
    }
    return out;
}

}  // namespace berth::image
