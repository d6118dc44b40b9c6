#pragma once

#include <sys/types.h>

#include <map>
#include <string>
#include <vector>

#include "engine/base/result.h"
#include "engine/base/unique_fd.h"
#include "engine/executor/container_state.h"

namespace berth::executor {

// Where in a container's cgroup a process of `exec` goes: its top, or what --cgroup says ("path", or
// "controller,…:path" of version 1), which has to be there and to lie within.
class SubCgroup {
 public:
    SubCgroup() = default;
    static Result<SubCgroup> of(const ContainerState& state, const std::vector<std::string>& words);

    // The three as in cgroup::Cgroup. A container may have moved its own init further down, and then takes
    // nobody at its top (version 2): the process goes where init is, unless a place was asked for.
    UniqueFd birthplace() const;
    Result<std::vector<UniqueFd>> join_files() const;
    Result<> join_unified(pid_t pid, pid_t init) const;

 private:
    struct Place {
        std::string folder, mount_point;
        bool unified = false;
    };
    std::vector<Place> places_;
    bool asked_ = false;
};

}  // namespace berth::executor
