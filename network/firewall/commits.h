#pragma once

#include <sys/types.h>

#include <array>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "engine/base/result.h"
#include "engine/base/unique_fd.h"

namespace berth::network {

// Runs tools that change rules (iptables-restore), and knows them again. iptables' nftables variant waits at
// its end, when it closes its socket, for the kernel to dispose of what was deleted: 20 to 50 ms in which the
// change is long done. The kernel tells of each commit (NFT_MSG_NEWGEN) who made it, so nobody waits longer.
// Of iptables' older variant the kernel tells nothing, and its end is waited for. Safe from any thread.
class Commits {
 public:
    static std::unique_ptr<Commits> make();

    // Done when the tool has made `commits` commits, or has ended.
    Result<> run(const std::vector<std::string>& arguments, const std::string& input, int commits);
    // Whether a netlink port was that of one of the last tools: what it took away was ours.
    bool made_by_us(pid_t port) const;

 private:
    explicit Commits(UniqueFd events) : events_(std::move(events)) {}
    void remember(pid_t process);
    int count(pid_t process);

    std::mutex running_;  // one tool at a time: each reads all that the socket has
    UniqueFd events_;     // stays open: to close it would mean to wait, too
    mutable std::mutex mutex_;
    std::array<pid_t, 64> recent_{};
    std::size_t next_ = 0;
};

}  // namespace berth::network
