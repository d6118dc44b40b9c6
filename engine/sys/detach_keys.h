#pragma once

#include <string>
#include <string_view>

#include "engine/base/result.h"

namespace berth::sys {

// "ctrl-p,ctrl-q" or "a,ctrl-]" as the bytes a terminal sends. "": the default.
Result<std::string> parse_detach_keys(const std::string& keys);

// Looks for the detach sequence in what a client types; the keys of a sequence that is not finished are held
// back.
class DetachFilter {
 public:
    explicit DetachFilter(std::string keys) : keys_(std::move(keys)) {}
    // What goes on to the container. `detached()` from the moment the sequence is complete.
    std::string pass(std::string_view typed);
    bool detached() const { return matched_ == keys_.size() && !keys_.empty(); }

 private:
    std::string keys_;
    std::size_t matched_ = 0;
};

}  // namespace berth::sys
