#include "engine/api/image_list.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "api-spec/types/image.h"
#include "engine/api/image_filters.h"
#include "engine/api/image_queries.h"

namespace berth::api {

namespace {

using image::ImageSummary;
using nlohmann::json;
using Users = std::vector<image::ImageService::User>;

constexpr ApiVersion kNoVirtualSize{1, 44}, kManifests{1, 47}, kDescriptor{1, 48};

// How many containers each image has.
std::map<Digest, std::int64_t> count(const Users& users) {
    std::map<Digest, std::int64_t> out;
    for (const auto& user : users) ++out[user.image];
    return out;
}

std::int64_t count_of(const std::map<Digest, std::int64_t>& counts, const Digest& image) {
    const auto found = counts.find(image);
    return found == counts.end() ? 0 : found->second;
}

types::ImageSummary summary_of(const ImageSummary& image, std::int64_t containers, ApiVersion version) {
    types::ImageSummary out{.id = image.id.text(),
                            .repo_tags = image.names,
                            .repo_digests = image.digests,
                            .created = unix_seconds(image.created_at),
                            .size = image.size,
                            .containers = containers,
                            .labels = image.labels,
                            .virtual_size = version < kNoVirtualSize};
    if (image.shared_size) out.shared_size = static_cast<std::int64_t>(*image.shared_size);
    if (version >= kDescriptor) {
        out.descriptor = types::ImageDescriptor{
            .media_type = image.media_type, .digest = image.id.text(), .size = image.target_size};
    }
    return out;
}

// Which of its manifests a container runs is not kept: it is the first that this host runs.
std::vector<types::ImageManifest> manifests_of(const ImageSummary& image, const Users& users) {
    auto out = show_manifests(image);
    auto runs = std::find_if(out.begin(), out.end(),
                             [](const auto& each) { return each.kind == "image" && each.available; });
    if (runs == out.end()) return out;
    for (const auto& user : users) {
        if (user.image == image.id) runs->containers.push_back(user.container_id);
    }
    return out;
}

}  // namespace

Result<json> list_images(image::ImageService& images, const Users& users, const http::Query& query,
                         ApiVersion version) {
    BERTH_TRY(const auto selection, ImageSelection::read(images, query));
    BERTH_TRY(const auto all, images.list(query.flag("shared-size")));
    const auto counts = count(users);
    auto out = json::array();
    for (ImageSummary image : *all) {
        selection.keep_matching_names(image);
        if (!selection.takes(image)) continue;
        auto summary = summary_of(image, count_of(counts, image.id), version);
        if (version >= kManifests && query.flag("manifests")) summary.manifests = manifests_of(image, users);
        out.push_back(types::to_json(summary));
    }
    return out;
}

Result<std::string> ImageListText::show(const Users& users, const http::Query& query, ApiVersion version) {
    const bool plain = query.get("filters").empty() && !query.flag("shared-size") && !query.flag("manifests");
    auto render = [](const json& body) { return body.dump(-1, ' ', false, json::error_handler_t::replace); };
    if (!plain) {
        BERTH_TRY(const json body, list_images(images_, users, query, version));
        return render(body);
    }
    BERTH_TRY(auto all, images_.list());
    const auto counts = count(users);
    std::vector<std::int64_t> containers;
    for (const ImageSummary& image : *all) containers.push_back(count_of(counts, image.id));
    std::lock_guard guard(mutex_);
    if (all == images_shown_ && containers == containers_shown_ && version == version_shown_) return text_;
    auto body = json::array();
    for (std::size_t i = 0; i < all->size(); ++i)
        body.push_back(types::to_json(summary_of((*all)[i], containers[i], version)));
    text_ = render(body);
    images_shown_ = std::move(all);
    containers_shown_ = std::move(containers);
    version_shown_ = version;
    return text_;
}

}  // namespace berth::api
