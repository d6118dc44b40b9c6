#pragma once

#include <string>

#include "engine/container/core.h"

namespace berth::container {

// One object of GET /containers/json. `Status` ("Up 3 seconds") depends on the time: the text is rendered
// once per change of the container, in two halves around it.
struct ListEntry {
    ContainerPtr of;  // the value it was rendered from
    std::vector<std::string> linked_as;
    std::string before_status, after_status;

    // `more`: members that this one answer has, each after a comma.
    std::string text(Timestamp at, const std::string& more) const;
};
// `linked_as`: what others call it, "/web/data".
ListEntry render_entry(Core& core, ContainerPtr container, std::vector<std::string> linked_as);

// "Up 3 seconds", "Exited (0) 2 minutes ago", "Created", …
std::string status_line(const State& state, Timestamp at);
// "Less than a second", "3 seconds", "About a minute", "5 weeks": go-units' words.
std::string human_duration(std::chrono::nanoseconds duration);

}  // namespace berth::container
