#pragma once

#include <mutex>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "engine/api/router.h"
#include "engine/image/image_service.h"

namespace berth::api {

// GET /images/json, filtered. Calls `images`: blocking.
Result<nlohmann::json> list_images(image::ImageService& images,
                                   const std::vector<image::ImageService::User>& users,
                                   const http::Query& query, ApiVersion version);

// The same as text. That of all images is remembered until one of them, or what uses them, changes. Any
// thread; `images` outlives it.
class ImageListText {
 public:
    explicit ImageListText(image::ImageService& images) : images_(images) {}
    Result<std::string> show(const std::vector<image::ImageService::User>& users, const http::Query& query,
                             ApiVersion version);

 private:
    image::ImageService& images_;
    std::mutex mutex_;
    image::ImageList images_shown_;
    std::vector<std::int64_t> containers_shown_;
    ApiVersion version_shown_{};
    std::string text_;
};

}  // namespace berth::api
