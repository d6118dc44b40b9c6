#include "engine/container/wait_list.h"

#include "engine/async/event.h"

namespace berth::container {

struct WaitList::Place {
    Place(IoContext& io, WaitCondition condition) : condition(condition), answered(io) {}
    void answer(const WaitResult& value) {
        result = value;
        answered.set();
    }

    WaitCondition condition;
    WaitResult result;
    async::Event answered;
};

class WaitList::Ticket final : public Waiting {
 public:
    explicit Ticket(std::shared_ptr<Place> place) : place_(std::move(place)) {}
    Async<Result<WaitResult>> result() override {
        auto place = place_;
        BERTH_CO_CHECK(co_await place->answered.wait());
        co_return place->result;
    }

 private:
    std::shared_ptr<Place> place_;
};

std::unique_ptr<Waiting> WaitList::subscribe(const std::string& id, WaitCondition condition) {
    auto place = std::make_shared<Place>(io_, condition);
    auto& waiting = places_[id];
    std::erase_if(waiting, [](const auto& other) { return other.expired(); });
    waiting.push_back(place);
    return std::make_unique<Ticket>(std::move(place));
}

std::unique_ptr<Waiting> WaitList::answered(WaitResult result) {
    auto place = std::make_shared<Place>(io_, WaitCondition::kNotRunning);
    place->answer(result);
    return std::make_unique<Ticket>(std::move(place));
}

void WaitList::exited(const std::string& id, const WaitResult& result) {
    auto found = places_.find(id);
    if (found == places_.end()) return;
    std::erase_if(found->second, [&](const auto& entry) {
        auto place = entry.lock();
        if (place && place->condition == WaitCondition::kRemoved) return false;
        if (place) place->answer(result);
        return true;
    });
    if (found->second.empty()) places_.erase(found);
}

void WaitList::removed(const std::string& id, int exit_code) {
    auto found = places_.find(id);
    if (found == places_.end()) return;
    for (const auto& entry : found->second) {
        if (auto place = entry.lock()) place->answer({exit_code, ""});
    }
    places_.erase(found);
}

}  // namespace berth::container
