#pragma once

#include <functional>
#include <memory>
#include <thread>

#include "engine/base/result.h"
#include "engine/base/unique_fd.h"

namespace berth::network {

// Tells when rules or chains of this network namespace have gone, whoever took them, by nftables'
// notifications (iptables' own tool makes its rules there too).
class RuleWatch {
 public:
    // `lost` runs on a thread of its own, once for what goes within a moment. It must not destroy the watch.
    static Result<std::unique_ptr<RuleWatch>> start(std::function<void()> lost);
    ~RuleWatch();

 private:
    RuleWatch(UniqueFd events, UniqueFd stop, std::function<void()> lost);
    void run();
    // Whether something has gone, of what has been told so far.
    bool drain();

    UniqueFd events_, stop_;
    std::function<void()> lost_;
    std::thread thread_;
};

}  // namespace berth::network
