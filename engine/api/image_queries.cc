#include "engine/api/image_queries.h"

#include <fmt/format.h>
#include <fnmatch.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "api-spec/types/image.h"
#include "engine/api/filters.h"

namespace berth::api {

namespace {

using image::ImageDetails;
using image::ImageSummary;
using nlohmann::json;

constexpr std::string_view kListFilters[] = {"before",    "dangling", "label", "label!",
                                             "reference", "since",    "until"};
constexpr ApiVersion kNoVirtualSize{1, 44}, kDescriptor{1, 48}, kShortConfig{1, 50};

// Go's zero time has seconds of its own.
std::int64_t unix_seconds(Timestamp time) {
    if (time == kNever) return -62135596800;
    return std::chrono::floor<std::chrono::seconds>(time.time_since_epoch()).count();
}

bool has_label(const ImageSummary& image, const std::string& text) {
    const auto equals = text.find('=');
    const auto label = image.labels.find(text.substr(0, equals));
    if (label == image.labels.end()) return false;
    return equals == std::string::npos || label->second == text.substr(equals + 1);
}

// A point in time, or a span back from now ("24h").
Result<Timestamp> until_time(const std::string& text) {
    if (auto time = parse_rfc3339(text)) return time;
    if (auto time = parse_unix_time(text)) return time;
    BERTH_TRY(auto span, parse_duration(text));
    return now() - span;
}

// The filters of a list, with names and times looked up.
struct Selection {
    Filters filters;
    std::optional<bool> dangling;
    std::optional<Timestamp> before, since, until;

    static Result<Selection> read(image::ImageService& images, const http::Query& query);
    bool takes(const ImageSummary& image) const;
    void keep_matching_names(ImageSummary& image) const;

 private:
    const std::set<std::string>* values(std::string_view name) const {
        const auto found = filters.find(name);
        return found == filters.end() || found->second.empty() ? nullptr : &found->second;
    }
    Result<> read_times(image::ImageService& images);
};

Result<Selection> Selection::read(image::ImageService& images, const http::Query& query) {
    Selection out;
    BERTH_TRY(out.filters, parse_filters(query, kListFilters));
    if (out.values("dangling") != nullptr) {
        BERTH_TRY(out.dangling, filter_flag(out.filters, "dangling", false));
    }
    BERTH_CHECK(out.read_times(images));
    return out;
}

Result<> Selection::read_times(image::ImageService& images) {
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
    if (const auto* times = values("until")) {
        for (const auto& text : *times) {
            BERTH_TRY(auto time, until_time(text));
            if (!until || time < *until) until = time;
        }
    }
    return {};
}

bool Selection::takes(const ImageSummary& image) const {
    if (dangling && *dangling != image.names.empty()) return false;
    if (before && image.created_at >= *before) return false;
    if (since && image.created_at <= *since) return false;
    if (until && image.created_at >= *until) return false;
    auto has = [&](const auto& text) { return has_label(image, text); };
    if (const auto* labels = values("label"); labels && !std::all_of(labels->begin(), labels->end(), has))
        return false;
    if (const auto* labels = values("label!"); labels && std::any_of(labels->begin(), labels->end(), has))
        return false;
    return values("reference") == nullptr || !image.names.empty() || !image.digests.empty();
}

void Selection::keep_matching_names(ImageSummary& image) const {
    const auto* patterns = values("reference");
    if (patterns == nullptr) return;
    auto unwanted = [&](const auto& name) {
        return std::none_of(patterns->begin(), patterns->end(),
                            [&](const auto& pattern) { return matches_reference(name, pattern); });
    };
    std::erase_if(image.names, unwanted);
    std::erase_if(image.digests, unwanted);
}

}  // namespace

bool matches_reference(const std::string& familiar, const std::string& pattern) {
    auto matches = [&](const std::string& text) {
        return ::fnmatch(pattern.c_str(), text.c_str(), FNM_PATHNAME) == 0;
    };
    if (matches(familiar)) return true;
    auto reference = oci::Reference::parse(familiar);
    return reference && matches(reference->familiar_name());
}

Result<> refuse_parameters(const http::Query& query, std::initializer_list<const char*> names) {
    for (const char* name : names) {
        const auto value = query.get(name);
        if (value.empty() || value == "0" || value == "false") continue;
        return fail(ErrorKind::kNotImplemented,
                    fmt::format("the parameter \"{}\" is not supported yet", name));
    }
    return {};
}

Result<oci::Reference> pull_reference(const http::Query& query) {
    std::string name = query.get("fromImage");
    if (name.ends_with(':')) name.pop_back();
    BERTH_TRY(auto reference, oci::Reference::parse(name));
    if (const auto tag = query.get("tag"); !tag.empty()) {
        if (auto digest = Digest::parse(tag)) return reference.trimmed().with_digest(*digest);
        BERTH_TRY(reference, reference.with_tag(tag));
    }
    if (reference.name_only()) {
        return fail(ErrorKind::kNotImplemented,
                    "pulling all tags of a repository is not supported yet: name one");
    }
    if (reference.path() == "library/scratch" || reference.path() == "scratch") {
        return fail(ErrorKind::kInvalidArgument, "'scratch' is a reserved name");
    }
    return reference;
}

Result<std::string> import_name(const http::Query& query) {
    const auto repository = query.get("repo");
    if (repository.empty()) return std::string();
    BERTH_TRY(auto reference, oci::Reference::parse(repository));
    if (const auto tag = query.get("tag"); !tag.empty()) {
        BERTH_TRY(reference, reference.with_tag(tag));
    }
    return reference.with_default_tag().text();
}

Result<json> list_images(image::ImageService& images, const http::Query& query, ApiVersion version) {
    BERTH_TRY(const auto selection, Selection::read(images, query));
    BERTH_TRY(auto all, images.list());
    auto out = json::array();
    for (auto& image : all) {
        selection.keep_matching_names(image);
        if (!selection.takes(image)) continue;
        const types::ImageSummary summary{.id = image.id.text(),
                                          .repo_tags = image.names,
                                          .repo_digests = image.digests,
                                          .created = unix_seconds(image.created_at),
                                          .size = image.size,
                                          .labels = image.labels,
                                          .virtual_size = version < kNoVirtualSize};
        out.push_back(types::to_json(summary));
    }
    return out;
}

Result<json> show_image(const ImageDetails& details, ApiVersion version) {
    const auto& [image, summary] = std::tie(details.image, details.summary);
    const auto document = json::parse(image.config_json, nullptr, false);
    types::ImageInspect out{.id = summary.id.text(),
                            .comment = details.comment,
                            .created = details.created,
                            .author = details.author,
                            .docker_version = details.docker_version,
                            .architecture = image.platform.architecture,
                            .variant = image.platform.variant,
                            .os = image.platform.os,
                            .last_tag_time = format_rfc3339_nano(kNever),
                            .repo_tags = summary.names,
                            .repo_digests = summary.digests,
                            .layers = details.layers,
                            .size = summary.size,
                            .every_config_field = version < kShortConfig,
                            .virtual_size = version < kNoVirtualSize};
    if (document.is_object() && document.contains("config") && document["config"].is_object()) {
        out.config_json = document["config"].dump();
    }
    if (version >= kDescriptor) out.descriptor = {details.media_type, summary.id.text(), details.target_size};
    return types::to_json(out);
}

// Newest first; a step that made no layer has no size.
json show_history(const ImageDetails& details) {
    std::vector<types::ImageHistory> entries;
    std::size_t layer = 0;
    for (const auto& step : details.history) {
        types::ImageHistory entry{.created_by = step.created_by, .comment = step.comment};
        auto created = parse_rfc3339(step.created);
        entry.created = unix_seconds(created ? *created : kNever);
        if (!step.empty_layer && layer < details.layer_sizes.size())
            entry.size = details.layer_sizes[layer++];
        entries.push_back(std::move(entry));
    }
    if (!entries.empty()) {
        entries.back().id = details.summary.id.text();
        entries.back().tags = details.summary.names;
    }
    auto out = json::array();
    for (auto entry = entries.rbegin(); entry != entries.rend(); ++entry)
        out.push_back(types::to_json(*entry));
    return out;
}

json show_removed(const std::vector<image::RemovedImage>& removed) {
    auto out = json::array();
    for (const auto& item : removed) {
        if (!item.untagged.empty()) out.push_back({{"Untagged", item.untagged}});
        if (!item.deleted.empty()) out.push_back({{"Deleted", item.deleted}});
    }
    return out;
}

}  // namespace berth::api
