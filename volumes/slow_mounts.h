#pragma once

#include <chrono>
#include <map>
#include <mutex>
#include <string>

#include "engine/base/result.h"

namespace berth::volumes {

// Mounts that wait for somebody who does not answer each hold a thread until their deadline. This keeps
// count, so that neither many containers of one such volume nor many such volumes hold all there are.
class SlowMounts {
 public:
    using Clock = std::chrono::steady_clock;

    // Before waiting for the volume's turn: kUnavailable while an earlier mount of it, or of too many others,
    // has gone unanswered for a while.
    Result<> check(const std::string& volume) const;

    // One attempt; `arrived` is when check() let it through. An attempt that ended unanswered after that
    // speaks for all that waited behind it.
    Result<> begin(const std::string& volume, Clock::time_point arrived);
    void end(const std::string& volume, bool answered);

 private:
    mutable std::mutex mutex_;
    std::map<std::string, Clock::time_point> under_way_, unanswered_;
};

}  // namespace berth::volumes
