#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "network/firewall/nft_context.h"

namespace berth::network {

// What holds while the rules are gone, from somebody's `nft flush ruleset` to their return: a small table
// that belongs to this process's own netlink socket ("flags owner", kernel 5.12), so that nobody else's flush
// takes it, and that goes with the process. In it
//   - hooks for address translation, without which the kernel would no longer translate connections that
//     exist, and the host itself would answer them with a reset;
//   - what keeps networks apart and closed to new connections that no published port has let in.
// Beside the rules it changes nothing: what it drops they drop as well. Safe from any thread.
class Guard {
 public:
    // Null where there is no libnftables, or a kernel that cannot.
    static std::unique_ptr<Guard> open(const std::string& table);

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
    Guard(std::shared_ptr<NftContext> context, std::string table)
        : context_(std::move(context)), table_(std::move(table)) {}
    std::string element(const char* verb, const char* set, const std::string& what) const;
    std::string closing(const char* verb, const std::string& bridge, Kind kind) const;
    void run(const std::string& commands) const;

    std::shared_ptr<NftContext> context_;
    const std::string table_;
    std::mutex mutex_;
    std::map<std::string, Kind> bridges_;
    bool yields_ = false;
};

}  // namespace berth::network
