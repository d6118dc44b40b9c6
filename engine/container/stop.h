#pragma once

#include <chrono>
#include <set>
#include <string>

#include "engine/container/core.h"

namespace berth::container {

// What a client has asked for and is under way, for whoever tells of the exit: in Core::stops or restarts.
class Underway {
 public:
    Underway(std::multiset<std::string>& all, const std::string& id) : all_(all), place_(all.insert(id)) {}
    ~Underway() { all_.erase(place_); }
    Underway(const Underway&) = delete;
    Underway& operator=(const Underway&) = delete;

 private:
    std::multiset<std::string>& all_;
    std::multiset<std::string>::iterator place_;
};

// Sends a signal to a live container and says so in an event. One that means "end" tells the restart policy
// to rest.
Async<Result<>> send_signal(Core& core, std::string id, int signal);

// Whether the container's exit was recorded in time. A limit below 0 waits for ever. Takes no lock.
Async<bool> wait_for_exit(Core& core, std::string id, std::chrono::nanoseconds limit);

// The stop signal, and SIGKILL when the time is up. kUnchanged when the container does not run. kCancelled
// when the client goes away in between; the container then just has its signal.
Async<Result<Outcome>> run_stop(Core& core, std::string id, StopOptions options);

}  // namespace berth::container
