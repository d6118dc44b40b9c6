#include "engine/api/image_filters.h"

#include <fnmatch.h>

#include <algorithm>

#include "engine/base/moment.h"
#include "engine/oci/reference.h"

namespace berth::api {

namespace {

using image::ImageSummary;

constexpr std::string_view kListFilters[] = {"before",    "dangling", "label", "label!",
                                             "reference", "since",    "until"};
constexpr std::string_view kPruneFilters[] = {"dangling", "label", "label!", "until"};

bool has_label(const ImageSummary& image, const std::string& text) {
    const auto equals = text.find('=');
    const auto label = image.labels.find(text.substr(0, equals));
    if (label == image.labels.end()) return false;
    return equals == std::string::npos || label->second == text.substr(equals + 1);
}

}  // namespace

Result<ImageSelection> ImageSelection::read(image::ImageService& images, const http::Query& query) {
    ImageSelection out;
    BERTH_TRY(out.filters, parse_filters(query, kListFilters));
    if (out.values("dangling") != nullptr) {
        BERTH_TRY(out.dangling, filter_flag(out.filters, "dangling", false));
    }
    BERTH_CHECK(out.read_times(images));
    return out;
}

Result<> ImageSelection::read_times(image::ImageService& images) {
    for (auto [name, slot] : {std::pair{"before", &before}, std::pair{"since", &since}}) {
        const auto* names = values(name);
        if (names == nullptr) continue;
        for (const auto& text : *names) {
            BERTH_TRY(auto details, images.inspect(text));
            const auto created = details.summary.created_at;
            const bool tighter = !*slot || (slot == &before ? created < **slot : created > **slot);
            if (tighter) *slot = created;
        }
    }
    return read_until();
}

Result<> ImageSelection::read_until() {
    const auto* times = values("until");
    if (times == nullptr) return {};
    for (const auto& text : *times) {
        BERTH_TRY(auto time, in("invalid value for 'until' filter", parse_moment(text)));
        if (!until || time < *until) until = time;
    }
    return {};
}

bool ImageSelection::takes_labels(const ImageSummary& image) const {
    auto has = [&](const auto& text) { return has_label(image, text); };
    if (const auto* labels = values("label"); labels && !std::all_of(labels->begin(), labels->end(), has))
        return false;
    if (const auto* labels = values("label!"); labels && std::any_of(labels->begin(), labels->end(), has))
        return false;
    return true;
}

bool ImageSelection::takes(const ImageSummary& image) const {
    if (dangling && *dangling != image.dangling()) return false;
    if (before && image.created_at >= *before) return false;
    if (since && image.created_at <= *since) return false;
    if (until && image.tagged_at >= *until) return false;
    if (!takes_labels(image)) return false;
    return values("reference") == nullptr || !image.names.empty() || !image.digests.empty();
}

void ImageSelection::keep_matching_names(ImageSummary& image) const {
    const auto* patterns = values("reference");
    if (patterns == nullptr) return;
    auto unwanted = [&](const auto& name) {
        return std::none_of(patterns->begin(), patterns->end(),
                            [&](const auto& pattern) { return matches_reference(name, pattern); });
    };
    std::erase_if(image.names, unwanted);
    std::erase_if(image.digests, unwanted);
}

bool matches_reference(const std::string& familiar, const std::string& pattern) {
    auto matches = [&](const std::string& text) {
        return ::fnmatch(pattern.c_str(), text.c_str(), FNM_PATHNAME) == 0;
    };
    if (matches(familiar)) return true;
    auto reference = oci::Reference::parse(familiar);
    return reference &&
           (matches(reference->familiar_name()) || matches(reference->text()) || matches(reference->name()));
}

Result<image::PruneRequest> prune_request(const http::Query& query) {
    image::PruneRequest out;
    ImageSelection selection;
    BERTH_TRY(selection.filters, parse_filters(query, kPruneFilters));
    BERTH_TRY(out.dangling_only, filter_flag(selection.filters, "dangling", true));
    BERTH_CHECK(selection.read_until());
    out.takes = [selection](const ImageSummary& image, Timestamp named_at) {
        return (!selection.until || named_at < *selection.until) && selection.takes_labels(image);
    };
    return out;
}

}  // namespace berth::api
