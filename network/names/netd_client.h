#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <string>

#include "engine/base/result.h"
#include "engine/base/unique_fd.h"
#include "network/names/names_file.h"
#include "network/names/netd_watch.h"
#include "network/names/resolver_sockets.h"

namespace berth::network {

// The daemon's side of berth-netd: starts it when it is first needed, hands sockets over, writes
// the files it reads. Blocking; safe from any thread.
class NetdClient {
 public:
    NetdClient(std::string state_dir, std::string netd_path)
        : state_dir_(std::move(state_dir)), netd_path_(std::move(netd_path)) {}

    // Folders, and the connection to a netd that is there. `lost` is called, on another thread, when a netd
    // has ended without being told to: what it served it serves no more.
    Result<> open(std::function<void()> lost);
    // Starts netd if there is none. The sockets are netd's from here on.
    Result<> add(const std::string& container, ResolverSockets sockets);
    // What arrives at `socket` (which listens or is bound) goes to `address`:`port`. The socket is netd's.
    Result<> proxy(const std::string& key, const std::string& protocol, UniqueFd socket,
                   const std::string& address, std::uint16_t port);
    // Idempotent; the host's port is free when it returns.
    void unproxy(const std::string& key);
    // Whether netd has this container or key. Nothing is served by one that has ended.
    bool serves(const std::string& what);
    std::set<std::string> served();

    // Idempotent. The sockets, which keep the namespace alive, are closed when it returns.
    void remove(const std::string& container);

    Result<> write(const std::string& file, const std::string& text);
    void erase(const std::string& file);
    // Files that are not in `wanted` go.
    void keep_only(const std::set<std::string>& wanted);

 private:
    std::string folder() const { return state_dir_ + "/names"; }
    std::string socket_path() const { return state_dir_ + "/netd.sock"; }
    void drop_ended_locked();
    Result<> connect_locked();
    Result<> start_locked();
    // Asks, starting netd if nobody answers.
    Result<> hand_over(const std::vector<std::string>& words, const std::vector<int>& descriptors);
    void take_back(const char* word, const std::string& what);
    Result<> ask_locked(const std::vector<std::string>& words, const std::vector<int>& descriptors);

    const std::string state_dir_, netd_path_;
    std::mutex mutex_;
    UniqueFd connection_;
    std::set<std::string> served_;
    std::unique_ptr<NetdWatch> watch_;  // last: its thread uses the others
};

}  // namespace berth::network
