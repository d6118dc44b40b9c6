#pragma once

#include <string>
#include <vector>

#include "engine/base/result.h"
#include "engine/oci/runtime_spec.h"

namespace berth::cgroup {

// One write to one cgroup file.
struct Setting {
    std::string controller;  // of version 1; of version 2 only to tell which must be enabled
    std::string file, value;
    // Where the kernel has no `file`: what is written to which one instead.
    std::string other_file = {}, other_value = {};
    // A kernel that has neither file goes without; otherwise that is an error.
    bool optional = false;
    // The kernel may refuse it (EINVAL) only because a later setting is still at its old value: tried again
    // after all others.
    bool again = false;
    bool operator==(const Setting&) const = default;
};

// The limits of a container as writes, in an order that also suits a cgroup which has limits already. As in
// runc, a zero means "not given" for all that zero cannot limit to. Device rules of version 2 are no file:
// see device_program.h. kInvalidArgument for what a version cannot express.
Result<std::vector<Setting>> settings_v1(const oci::Resources& resources);
Result<std::vector<Setting>> settings_v2(const oci::Resources& resources);

// What is asked for and no file of this version stands for, by its names in the specification. Callers give
// these to any host, so they are no error.
std::vector<std::string> without_effect(const oci::Resources& resources, bool unified_only);

// runc's conversion of 2…262144 shares to a weight of 1…10000.
std::uint64_t weight_of_shares(std::uint64_t shares);

}  // namespace berth::cgroup
