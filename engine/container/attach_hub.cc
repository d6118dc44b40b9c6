#include "engine/container/attach_hub.h"

namespace berth::container {

std::shared_ptr<AttachHub::Place> AttachHub::subscribe(const std::string& id,
                                                       supervisor::AttachOptions options) {
    auto place = std::make_shared<Place>(io_, options);
    auto& waiting = places_[id];
    std::erase_if(waiting, [](const auto& other) { return other.expired(); });
    waiting.push_back(place);
    return place;
}

std::vector<std::shared_ptr<AttachHub::Place>> AttachHub::take(const std::string& id) {
    std::vector<std::shared_ptr<Place>> taken;
    auto found = places_.find(id);
    if (found == places_.end()) return taken;
    for (const auto& entry : found->second) {
        if (auto place = entry.lock()) taken.push_back(std::move(place));
    }
    places_.erase(found);
    return taken;
}

Async<Result<>> AttachHub::connect(std::string id) {
    auto places = take(id);
    for (std::size_t i = 0; i < places.size(); ++i) {
        auto stream = co_await tasks_.attach(id, places[i]->options);
        if (stream) places[i]->stream = std::move(*stream);
        places[i]->ready.set();
        if (stream) continue;
        for (++i; i < places.size(); ++i) places[i]->ready.set();
        co_return Failure(std::move(stream.error()));
    }
    co_return Result<>();
}

void AttachHub::abandon(const std::string& id) {
    for (const auto& place : take(id)) place->ready.set();
}

}  // namespace berth::container
