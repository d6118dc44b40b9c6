#pragma once

#include <sys/types.h>

#include <string>

#include "engine/base/unique_fd.h"

namespace berth::daemon {

// What keeps a second daemon away: the lock on the data root and the pid file.
class Instance {
 public:
    // Makes the folders (data 0710, state 0700; with `walkers` both are 0710 and that group's). kConflict
    // when another daemon has the data root, or the process in the pid file is a daemon that lives, and not
    // this one.
    static Result<Instance> claim(const std::string& data_root, const std::string& exec_root,
                                  std::string pidfile, gid_t walkers = 0);
    Instance(Instance&& other) noexcept;
    Instance& operator=(Instance&&) = delete;
    // Removes the pid file.
    ~Instance();

 private:
    Instance(UniqueFd lock, std::string pidfile) : lock_(std::move(lock)), pidfile_(std::move(pidfile)) {}
    UniqueFd lock_;
    std::string pidfile_;
};

// The engine's ID, made once per data root.
Result<std::string> engine_id(const std::string& data_root);

}  // namespace berth::daemon
