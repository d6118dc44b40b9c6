#pragma once

#include <map>
#include <string>

#include "engine/base/time.h"

namespace berth::events {

// One thing that happened, in the API's terms.
struct Event {
    std::string type;    // container, image, volume, network, daemon
    std::string action;  // create, start, die, "exec_start: sh", …
    std::string actor_id;
    std::map<std::string, std::string> attributes;
    Timestamp time{};  // filled in by the sink when left at 0
    std::string scope = "local";
};

// Where services report what happened. Callable from any thread; never blocks on a reader.
class EventSink {
 public:
    virtual ~EventSink() = default;
    virtual void publish(Event event) = 0;
};

}  // namespace berth::events
