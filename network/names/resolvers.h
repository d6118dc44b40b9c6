#pragma once

#include <mutex>
#include <set>
#include <string>

#include "engine/base/result.h"
#include "network/names/names_file.h"
#include "network/names/resolver_sockets.h"

namespace berth::network {

// The daemon's side of berth-netd: starts it when the first sandbox needs names, hands sockets over, writes
// the files it reads. Blocking; safe from any thread.
class Resolvers {
 public:
    Resolvers(std::string state_dir, std::string netd_path)
        : state_dir_(std::move(state_dir)), netd_path_(std::move(netd_path)) {}

    // Folders, and the connection to a netd that is there. Returns the containers it serves.
    Result<std::set<std::string>> open();
    // Starts netd if there is none. The sockets are netd's from here on.
    Result<> add(const std::string& container, ResolverSockets sockets);
    // Idempotent. The sockets, which keep the namespace alive, are closed when it returns.
    void remove(const std::string& container);

    Result<> write(const std::string& file, const std::string& text);
    void erase(const std::string& file);
    // Files that are not in `wanted` go.
    void keep_only(const std::set<std::string>& wanted);

 private:
    std::string folder() const { return state_dir_ + "/names"; }
    std::string socket_path() const { return state_dir_ + "/netd.sock"; }
    Result<> connect_locked();
    Result<> start_locked();
    Result<> ask_locked(const std::vector<std::string>& words, const std::vector<int>& descriptors);

    const std::string state_dir_, netd_path_;
    std::mutex mutex_;
    UniqueFd connection_;
    std::set<std::string> served_;
};

}  // namespace berth::network
