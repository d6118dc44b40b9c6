#pragma once

#include <optional>
#include <string>

#include "engine/api/filters.h"
#include "engine/image/image_service.h"

namespace berth::api {

// The filters of a list, with names and times looked up.
struct ImageSelection {
    Filters filters;
    std::optional<bool> dangling;
    std::optional<Timestamp> before, since, until;

    // Calls `images` for the names that filters give: blocking.
    static Result<ImageSelection> read(image::ImageService& images, const http::Query& query);
    bool takes(const image::ImageSummary& image) const;
    bool takes_labels(const image::ImageSummary& image) const;
    void keep_matching_names(image::ImageSummary& image) const;
    Result<> read_until();

 private:
    const std::set<std::string>* values(std::string_view name) const {
        const auto found = filters.find(name);
        return found == filters.end() || found->second.empty() ? nullptr : &found->second;
    }
    Result<> read_times(image::ImageService& images);
};

// The filters of POST /images/prune.
Result<image::PruneRequest> prune_request(const http::Query& query);

// Whether a familiar name ("busybox:latest") matches a reference filter: a shell pattern for the whole of it,
// or for it without the tag, as it is shown or in full.
bool matches_reference(const std::string& familiar, const std::string& pattern);

}  // namespace berth::api
