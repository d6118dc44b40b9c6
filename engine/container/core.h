#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>

#include "engine/async/gate.h"
#include "engine/async/key_lock.h"
#include "engine/container/attach_hub.h"
#include "engine/container/container_services.h"
#include "engine/container/store.h"
#include "engine/container/wait_list.h"

namespace berth::container {

// What the operations of this folder share. No behaviour of its own.
struct Core {
    explicit Core(ContainerParts given);

    ContainerParts parts;
    Store store;
    async::KeyLock locks;  // by container ID
    WaitList waits;
    AttachHub hub;
    async::Gate gate;  // monitors and restarts
    bool shutting_down = false;
    std::set<std::string> held;           // frozen by a commit, and by nobody else
    std::multiset<std::string> stops;     // under way; the exit tells of them
    std::multiset<std::string> restarts;  // under way by a user's wish: the exit is not the end, --rm or not
    // Set to end the pause before a restart: stop, rm.
    std::map<std::string, std::shared_ptr<async::Event>> restart_pauses;

    std::string log_path(const Container& container) const;
    // From each hierarchy's root: "/docker/ID".
    std::string cgroup_path(const Container& container) const;
    // An event about a container, with Docker's attributes: its labels, image, name, and `more`.
    void publish(const Container& container, std::string action,
                 std::map<std::string, std::string> more = {});
};

}  // namespace berth::container
