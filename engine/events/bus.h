#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "engine/async/async.h"
#include "engine/events/event.h"

namespace berth::events {

// Carries events from any thread to readers on the io thread, in the order in which they were published.
class Bus final : public EventSink {
 public:
    // Events kept for readers that ask for the past.
    static constexpr std::size_t kHistory = 256;
    // Events that a reader may be behind.
    static constexpr std::size_t kBacklog = 4096;

    explicit Bus(IoContext& io);
    // Readers get kCancelled.
    ~Bus() override;

    void publish(Event event) override;

    // What happened before this bus was made, oldest first; before the first event is published.
    void restore(std::vector<Event> past);
    // Who keeps events for later: called for each, in order, on the io thread (the last ones by the
    // destructor). Set once, before the first event is published.
    void record_with(std::function<void(const Event&)> recorder);

    // A reader's place. Io thread only; it may outlive the bus.
    class Subscription {
     public:
        ~Subscription();
        // The next event. kUnavailable once the reader is more than kBacklog behind, kCancelled when the bus
        // ends.
        Async<Result<Event>> next();

     private:
        friend class Bus;
        struct Queue;
        explicit Subscription(std::shared_ptr<Queue> queue);
        std::shared_ptr<Queue> queue_;
    };
    // What is still known of the past, and a place from right after it: nothing is missed, nothing comes
    // twice.
    struct Reading {
        std::vector<Event> past;
        std::unique_ptr<Subscription> live;
    };
    Reading subscribe();
    int listeners() const;

 private:
    struct State;
    std::shared_ptr<State> state_;
};

}  // namespace berth::events
