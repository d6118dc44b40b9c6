#include "engine/events/bus.h"

#include <algorithm>
#include <deque>
#include <mutex>

#include "engine/async/event.h"
#include "engine/async/spawn.h"

namespace berth::events {

struct Bus::Subscription::Queue {
    explicit Queue(IoContext& io) : changed(io) {}
    std::deque<Event> waiting;
    async::Condition changed;
    bool overrun = false, closed = false;

    void push(const Event& event) {
        if (waiting.size() >= kBacklog) overrun = true;
        if (!overrun) waiting.push_back(event);
        changed.notify_all();
    }
    static Async<Result<Event>> pop(std::shared_ptr<Queue> queue);
};

// Publishers append to `inbox` under the lock and wake the io thread once; history and readers are the io
// thread's.
struct Bus::State {
    explicit State(IoContext& io) : io(io) {}
    IoContext& io;
    std::mutex mutex;
    std::vector<Event> inbox;
    std::deque<Event> history;
    std::vector<std::weak_ptr<Subscription::Queue>> readers;
    std::function<void(const Event&)> recorder;

    void distribute() {
        std::vector<Event> events;
        {
            std::lock_guard lock(mutex);
            events.swap(inbox);
        }
        for (Event& event : events) {
            for (const auto& reader : readers) {
                if (auto queue = reader.lock()) queue->push(event);
            }
            if (recorder) recorder(event);
            history.push_back(std::move(event));
            if (history.size() > kHistory) history.pop_front();
        }
        std::erase_if(readers, [](const auto& reader) { return reader.expired(); });
    }
};

Bus::Bus(IoContext& io) : state_(std::make_shared<State>(io)) {}

Bus::~Bus() {
    state_->distribute();
    state_->recorder = nullptr;
    for (const auto& reader : state_->readers) {
        if (auto queue = reader.lock()) {
            queue->closed = true;
            queue->changed.notify_all();
        }
    }
}

void Bus::publish(Event event) {
    bool first = false;
    {
        std::lock_guard lock(state_->mutex);
        // Stamped under the lock: times never go back from one event to the next.
        if (event.time == Timestamp{}) event.time = now();
        first = state_->inbox.empty();
        state_->inbox.push_back(std::move(event));
    }
    if (first) async::post(state_->io, [state = state_] { state->distribute(); });
}

void Bus::restore(std::vector<Event> past) {
    const std::size_t known = std::min(past.size(), kHistory);
    state_->history.assign(std::make_move_iterator(past.end() - static_cast<std::ptrdiff_t>(known)),
                           std::make_move_iterator(past.end()));
}

void Bus::record_with(std::function<void(const Event&)> recorder) {
    state_->recorder = std::move(recorder);
}

Bus::Reading Bus::subscribe() {
    state_->distribute();
    auto queue = std::make_shared<Subscription::Queue>(state_->io);
    state_->readers.push_back(queue);
    Reading out;
    out.past.assign(state_->history.begin(), state_->history.end());
    out.live.reset(new Subscription(std::move(queue)));
    return out;
}

int Bus::listeners() const {
    return static_cast<int>(std::count_if(state_->readers.begin(), state_->readers.end(),
                                          [](const auto& reader) { return !reader.expired(); }));
}

Bus::Subscription::Subscription(std::shared_ptr<Queue> queue) : queue_(std::move(queue)) {}

Bus::Subscription::~Subscription() = default;

Async<Result<Event>> Bus::Subscription::next() {
    return Queue::pop(queue_);
}

Async<Result<Event>> Bus::Subscription::Queue::pop(std::shared_ptr<Queue> queue) {
    while (queue->waiting.empty()) {
        if (queue->overrun) co_return fail(ErrorKind::kUnavailable, "events: the reader is too far behind");
        if (queue->closed) co_return fail(ErrorKind::kCancelled, "events: closed");
        BERTH_CO_CHECK(co_await queue->changed.wait());
    }
    Event event = std::move(queue->waiting.front());
    queue->waiting.pop_front();
    co_return event;
}

}  // namespace berth::events
