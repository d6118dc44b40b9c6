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

const User* user_of(const std::vector<User>& users, const Digest& image, bool running) {
    auto found = std::find_if(users.begin(), users.end(), [&](const User& user) {
        return user.image == image && user.running == running;
    });
    return found == users.end() ? nullptr : &*found;
}

std::string familiar(const NamedTarget& named) {
    auto reference = oci::Reference::parse(named.name);
    return reference ? reference->familiar() : named.name;
}

// Names of one repository count once: removing by id is no accident then.
std::size_t repositories(const std::vector<NamedTarget>& names) {
    std::vector<std::string> seen;
    for (const NamedTarget& named : names) {
        auto reference = oci::Reference::parse(named.name);
        if (named.name.starts_with(kDangling) || !reference) continue;
        if (std::find(seen.begin(), seen.end(), reference->name()) == seen.end())
            seen.push_back(reference->name());
    }
    return seen.size();
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

Result<std::vector<RemovedImage>> Removal::remove_all(const Found& found) {
    BERTH_TRY(std::vector<RemovedImage> out, untag(found.names));
    catalog_.forget(found.target);
    publish("delete", found.target, found.target.text());
    out.push_back({.deleted = found.target.text()});
    return out;
}

Result<std::vector<RemovedImage>> Removal::run(const std::string& text, bool force,
                                               const std::vector<User>& users) {
    BERTH_TRY(Found found, catalog_.find(text));
    const User* running = user_of(users, found.target, true);
    const User* stopped = user_of(users, found.target, false);
    std::string shown_id(short_id(found.target.hex()));
    if (found.exact && found.names.size() > 1) return untag({*found.exact});
    if (found.exact) {
        const User* user = running != nullptr ? running : stopped;
        if (user != nullptr && !force) {
            return conflict(familiar(*found.exact), true,
                            fmt::format("container {} is using its referenced image {}",
                                        short_id(user->container_id), shown_id));
        }
        if (user == nullptr) return remove_all(found);
        // Forced while a container needs it: the name goes, the image stays without one.
        NamedTarget dangling = *found.exact;
        dangling.name = std::string(kDangling) + found.target.text();
        BERTH_CHECK(references_.put(dangling));
        return untag({*found.exact});
    }
    if (running != nullptr) {
        return conflict(
            shown_id, false,
            fmt::format("image is being used by running container {}", short_id(running->container_id)));
    }
    if (!force && repositories(found.names) > 1)
        return conflict(shown_id, true, "image is referenced in multiple repositories");
    if (!force && stopped != nullptr) {
        return conflict(
            shown_id, true,
            fmt::format("image is being used by stopped container {}", short_id(stopped->container_id)));
    }
    return remove_all(found);
}

}  // namespace berth::image
