#pragma once

#include <sched.h>
#include <sys/types.h>

#include <string>
#include <vector>

#include "engine/base/result.h"
#include "engine/base/unique_fd.h"
#include "engine/oci/runtime_spec.h"

// A container's namespaces: which are new, which are joined.
namespace berth::executor {

inline constexpr unsigned long long kTimeSpace = 0x80;  // CLONE_NEWTIME, which old headers lack

struct Spaces {
    struct Joined {
        std::string path;
        unsigned long long type = 0;
    };
    unsigned long long fresh = 0;  // CLONE_NEW*
    std::vector<Joined> joined;
    bool by_root = false;  // whoever makes them has the host's rights

    bool is_fresh(unsigned long long type) const { return (fresh & type) != 0; }
    const Joined* join_of(unsigned long long type) const;
    // Not the caller's own.
    bool has(unsigned long long type) const { return is_fresh(type) || join_of(type) != nullptr; }
    // Joining these takes rights away from whoever joins, or the host's file system out of his sight: a
    // process between the runtime and init does it.
    bool need_stage() const { return join_of(CLONE_NEWUSER) != nullptr || join_of(CLONE_NEWNS) != nullptr; }
};

// kInvalidArgument also for what the namespaces do not allow: a hostname, sysctls, mappings, offsets.
Result<Spaces> spaces_of(const oci::RuntimeSpec& spec);

// The namespaces of the caller that joining changes, to return to.
class SpacesBefore {
 public:
    Result<> go_back();

 private:
    friend Result<SpacesBefore> join_spaces(const Spaces& spaces);
    friend Result<> make_time_space(const oci::RuntimeSpec& spec, SpacesBefore& before);
    Result<> remember(unsigned long long type);
    std::vector<std::pair<UniqueFd, unsigned long long>> own_;
};

// Joins them; from then on children are born there.
Result<SpacesBefore> join_spaces(const Spaces& spaces);
// A new time namespace with the spec's offsets, for the next child: they can be set only before anybody is in
// it.
Result<> make_time_space(const oci::RuntimeSpec& spec, SpacesBefore& before);

// clone3(2), or clone(2) where that is not allowed. `cgroup_fd` (or -1) is the version 2 cgroup to be born
// in, needed only for speed;
// `born_inside` says whether it was. A child of a stage becomes the runtime's own child (`sibling`).
Result<pid_t> clone_into(unsigned long long flags, int cgroup_fd, bool sibling, bool* born_inside = nullptr);

}  // namespace berth::executor
