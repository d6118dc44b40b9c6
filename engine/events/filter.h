#pragma once

#include <map>
#include <set>
#include <string>

#include "engine/events/event.h"

namespace berth::events {

// The filters of `docker events`: name -> values. Values of one filter are alternatives, filters add up.
using Filter = std::map<std::string, std::set<std::string>, std::less<>>;

bool matches(const Event& event, const Filter& filter);

}  // namespace berth::events
