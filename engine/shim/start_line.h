#pragma once

#include <functional>
#include <memory>
#include <string>

#include "engine/base/result.h"
#include "engine/base/unique_fd.h"
#include "engine/shim/loop.h"

namespace berth::shim {

// A socket to the `create` of our own runtime, which says on it that the container is there, stays, and
// starts it when asked (engine/executor/start.h draws it): one program less for each container.
class StartLine {
 public:
    // `theirs` becomes a descriptor of the runtime. `created` is called once, unless the runtime ends first.
    static Result<std::unique_ptr<StartLine>> open(Loop& loop, std::function<void()> created);
    int theirs() const { return theirs_.get(); }
    // Once the runtime runs and has its end.
    void drop_theirs() { theirs_.reset(); }
    // Of a created container, for take_away().
    std::string take_remains() { return std::move(remains_); }
    // False when the runtime does not listen any more.
    bool ask_for_start() const;

 private:
    StartLine(Loop& loop, UniqueFd ours, UniqueFd theirs, std::function<void()> created);
    void hear();

    UniqueFd ours_, theirs_;
    std::function<void()> created_;
    std::string remains_;
    Watch watch_;
};

}  // namespace berth::shim
