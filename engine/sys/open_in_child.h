#pragma once

#include "engine/base/result.h"
#include "engine/base/unique_fd.h"

namespace berth::sys {

// What a child does that opens a descriptor where its caller cannot go. Jobs derive from it.
struct ChildWork {
    // False with errno: `failed` says what.
    bool (*attempt)(ChildWork& work) = nullptr;
    int result = -1;  // the descriptor
    int error = 0;
    const char* failed = "";
};

// The child shares memory and descriptors with its caller, which stands still until it is done (vfork): what
// it opens is simply there afterwards. The caller may be one of many threads, so `attempt` allocates nothing.
// No handler of this process's runs in the child, and nobody else's SIGCHLD or wait(-1) sees it.
// `namespaces`: CLONE_NEW*, to be born in.
Result<UniqueFd> open_in_child(int namespaces, ChildWork& work);

}  // namespace berth::sys
