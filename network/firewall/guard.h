#pragma once

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "network/firewall/nft_context.h"

namespace berth::network {

// What holds while the rules are gone, from somebody's `nft flush ruleset` to their return: a small table
// that belongs to this process's own netlink socket ("flags owner", kernel 5.12), so that nobody else's flush
// takes it, and that goes with the process. In it
//   - hooks for address translation, without which the kernel would no longer translate connections that
//     exist, and the host itself would answer them with a reset;
//   - what keeps networks apart and closed to new connections that no published port has let in.
// Beside the rules it changes nothing: what it drops they drop as well. Nobody waits for it: its table
// becomes what is asked for by a thread of its own, a moment later. Safe from any thread.
class Guard {
 public:
    // Null where there is no libnftables, or a kernel that cannot.
    static std::unique_ptr<Guard> open(const std::string& table);
    ~Guard();

    enum class Kind {
        kClosed,    // reached from elsewhere by published ports alone
        kInternal,  // nothing goes in or out
        kOpen,      // reached as its rules say
    };
    void put(const std::string& bridge, Kind kind);
    void take(const std::string& bridge);
    // Where others have rules that may let in more (DOCKER-USER), nothing is dropped here.
    void yield_to_others(bool yields);

 private:
    // What the table is to hold, or holds.
    struct State {
        std::map<std::string, Kind> bridges;
        bool yields = false;
    };
    Guard(std::shared_ptr<NftContext> context, std::string table);
    std::string element(const char* verb, const char* set, const std::string& what) const;
    std::string closing(const char* verb, const std::string& bridge, Kind kind) const;
    std::string coming(const std::string& bridge, Kind kind, bool yields) const;
    std::string going(const std::string& bridge, Kind kind, bool yields) const;
    // The commands that make one of the other.
    std::string difference(const State& from, const State& to) const;
    void follow();

    std::shared_ptr<NftContext> context_;
    const std::string table_;
    std::mutex mutex_;
    std::condition_variable changed_;
    State wanted_;
    bool stops_ = false, changes_ = false;
    std::thread thread_;  // last: it uses the others
};

}  // namespace berth::network
