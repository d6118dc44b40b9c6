#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/base/result.h"

namespace berth::cgroup {

// A mounted cgroup tree.
struct Hierarchy {
    std::string mount_point;  // "/sys/fs/cgroup/memory"
    std::string root;         // the part of the tree that is mounted there, "/" outside of containers
    std::vector<std::string>
        controllers;  // of version 1: "memory", "cpu", "name=systemd"; empty for version 2
    bool unified = false;

    bool has(std::string_view controller) const;
};

// All that are mounted, in mountinfo's order.
struct Layout {
    std::vector<Hierarchy> hierarchies;

    // Nothing but version 2: limits are set there. On a hybrid host version 1 has the controllers.
    bool unified_only() const;
};

// Where the process of this /proc/PID/cgroup text is, from the root of what is mounted of a hierarchy; "" if
// the text does not say.
std::string own_path(const Hierarchy& hierarchy, std::string_view proc_cgroup);

Layout parse_mountinfo(std::string_view mountinfo);
Result<Layout> current_layout();

}  // namespace berth::cgroup
