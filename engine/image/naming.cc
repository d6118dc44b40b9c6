#include "engine/image/naming.h"

#include <algorithm>

#include "engine/image/documents.h"
#include "engine/image/run_config.h"
#include "engine/oci/image_spec.h"

namespace berth::image {

Result<> Naming::point(const std::string& name, const Digest& target, const std::string& media_type,
                       std::string parent) {
    if (parent.empty()) {
        BERTH_TRY(parent, references_.parent_of(target));
    }
    BERTH_TRY(auto before, references_.find(name));
    if (before && before->target != target) {
        BERTH_TRY(std::vector<NamedTarget> all, references_.list());
        bool other = std::any_of(all.begin(), all.end(), [&](const NamedTarget& named) {
            return named.target == before->target && named.name != name;
        });
        if (!other) {
            NamedTarget dangling = *before;
            dangling.name = std::string(kDangling) + before->target.text();
            BERTH_CHECK(references_.put(dangling));
        }
    }
    BERTH_CHECK(references_.put({name, target, media_type, now(), std::move(parent)}));
    // It has a name now: it no longer dangles.
    return references_.remove(std::string(kDangling) + target.text());
}

Result<> Naming::name_made(const std::optional<oci::Reference>& reference, const Digest& id,
                           const std::string& parent) {
    std::string type(oci::media::kOciManifest);
    if (!reference) return references_.put({std::string(kDangling) + id.text(), id, type, now(), parent});
    BERTH_CHECK(point(reference->with_default_tag().text(), id, type, parent));
    publish("tag", id, reference->with_default_tag().familiar());
    return {};
}

void Naming::publish(const char* action, const Digest& target, const std::string& name) {
    std::map<std::string, std::string> attributes;
    if (auto image = pick_platform(content_, target, {}))
        if (auto run = parse_run_config(image->config.run)) attributes = std::move(run->labels);
    attributes["name"] = name;
    events_.publish(
        {.type = "image", .action = action, .actor_id = target.text(), .attributes = std::move(attributes)});
}

}  // namespace berth::image
