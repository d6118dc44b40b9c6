#include "volumes/slow_mounts.h"

namespace berth::volumes {

namespace {

constexpr std::chrono::seconds kSlow{5};
constexpr int kMostSlow = 6;

Failure unanswered(const std::string& what) {
    return fail(ErrorKind::kUnavailable, what + ": its device or server does not answer");
}

}  // namespace

Result<> SlowMounts::check(const std::string& volume) const {
    std::lock_guard lock(mutex_);
    const auto now = Clock::now();
    int slow = 0;
    for (const auto& [name, since] : under_way_) {
        if (now - since < kSlow) continue;
        if (name == volume) return unanswered("an earlier mount of this volume still waits");
        ++slow;
    }
    if (slow < kMostSlow) return {};
    return unanswered("mounts of " + std::to_string(slow) + " other volumes wait, of " +
                      under_way_.begin()->first);
}

Result<> SlowMounts::begin(const std::string& volume, Clock::time_point arrived) {
    std::lock_guard lock(mutex_);
    if (auto last = unanswered_.find(volume); last != unanswered_.end() && last->second >= arrived)
        return unanswered("the mount before this one was given up");
    under_way_[volume] = Clock::now();
    return {};
}

void SlowMounts::end(const std::string& volume, bool answered) {
    std::lock_guard lock(mutex_);
    under_way_.erase(volume);
    if (answered)
        unanswered_.erase(volume);
    else
        unanswered_[volume] = Clock::now();
}

}  // namespace berth::volumes
