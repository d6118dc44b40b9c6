#pragma once

#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "api-spec/types/image.h"
#include "engine/api/router.h"
#include "engine/image/image_service.h"
#include "engine/oci/reference.h"

// What image routes read from requests and how they show images: no I/O, but for the names that filters give.
namespace berth::api {

// fromImage and tag of a pull; without a tag all tags of the repository are meant.
Result<oci::Reference> pull_reference(const http::Query& query);
// repo and tag of an import; "" for none.
Result<std::string> import_name(const http::Query& query);

// The platforms of `platform` parameters that are JSON objects, as load, save, push, inspect and history take
// them.
Result<std::vector<oci::Platform>> platforms_of(const http::Query& query, const char* name = "platform");
Result<std::optional<oci::Platform>> platform_of(const http::Query& query);

// Seconds since 1970; Go's zero time has a number of its own.
std::int64_t unix_seconds(Timestamp time);
// What an image consists of.
std::vector<types::ImageManifest> show_manifests(const image::ImageSummary& image);
// `manifests`: with what it consists of.
Result<nlohmann::json> show_image(const image::ImageDetails& details, bool manifests, ApiVersion version);
nlohmann::json show_history(const image::ImageDetails& details);
nlohmann::json show_removed(const std::vector<image::RemovedImage>& removed);

// kNotImplemented naming the first of `names` that the query has a value for.
Result<> refuse_parameters(const http::Query& query, std::initializer_list<const char*> names);

}  // namespace berth::api
