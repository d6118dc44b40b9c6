#pragma once

#include <sys/types.h>

#include <functional>
#include <memory>
#include <set>
#include <thread>

#include "engine/base/result.h"
#include "engine/base/unique_fd.h"

namespace berth::network {

// Tells when rules or chains of this network namespace have gone, whoever took them, and of new rules in
// DOCKER-USER, by nftables'
// notifications (iptables' own tool makes its rules there too).
class RuleWatch {
 public:
    // `ours` says of a netlink port whether what it takes is meant to go. `lost` runs on a thread of its own,
    // once for what goes within a moment. It must not destroy the watch.
    static Result<std::unique_ptr<RuleWatch>> start(std::function<bool(pid_t port)> ours,
                                                    std::function<void()> lost);
    ~RuleWatch();

 private:
    RuleWatch(UniqueFd events, UniqueFd stop, std::function<bool(pid_t port)> ours,
              std::function<void()> lost);
    void run();
    // Notes who has taken something, of what has been told so far.
    void drain();
    void note(const char* bytes, std::size_t size);
    bool others_took() const;

    UniqueFd events_, stop_;
    std::function<bool(pid_t port)> ours_;
    std::function<void()> lost_;
    std::set<pid_t> takers_;  // in this moment; kUnknown when more was told than the socket holds
    std::thread thread_;
};

}  // namespace berth::network
