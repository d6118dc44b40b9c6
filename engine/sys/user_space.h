#pragma once

#include <sys/types.h>

#include <memory>
#include <string>

#include "engine/base/id_maps.h"
#include "engine/base/result.h"
#include "engine/base/unique_fd.h"

namespace berth::sys {

// A user namespace, and mostly a network namespace of its own, held by a process without work. They have
// paths as long as this lives; whoever has joined or opened them keeps them. The process ends with this
// one's, too.
class UserSpace {
 public:
    // A new user namespace with `maps`; with Network::kNone there is no network_path().
    enum class Network { kOwn, kNone };
    static Result<UserSpace> make(const IdMaps& maps, Network network = Network::kOwn);
    // The network namespace alone is new; it belongs to the user namespace at `path` (/proc/PID/ns/user).
    static Result<UserSpace> join(const std::string& path);
    UserSpace(UserSpace&& other) noexcept;
    UserSpace& operator=(UserSpace&&) = delete;
    ~UserSpace();

    std::string user_path() const { return folder() + "user"; }
    std::string network_path() const { return folder() + "net"; }

 private:
    struct Holder;
    explicit UserSpace(std::unique_ptr<Holder> holder);
    static Result<UserSpace> start(int joined_fd, int fresh);
    std::string folder() const;

    std::unique_ptr<Holder> holder_;
};

}  // namespace berth::sys
