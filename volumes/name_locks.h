#pragma once

#include <condition_variable>
#include <mutex>
#include <set>
#include <string>

namespace berth::volumes {

// One lock a name, for threads.
class NameLocks {
 public:
    class Guard {
     public:
        Guard(NameLocks& locks, std::string name) : locks_(locks), name_(std::move(name)) {
            std::unique_lock lock(locks_.mutex_);
            locks_.freed_.wait(lock, [&] { return !locks_.held_.contains(name_); });
            locks_.held_.insert(name_);
        }
        ~Guard() {
            {
                std::lock_guard lock(locks_.mutex_);
                locks_.held_.erase(name_);
            }
            locks_.freed_.notify_all();
        }
        Guard(const Guard&) = delete;
        Guard& operator=(const Guard&) = delete;

     private:
        NameLocks& locks_;
        std::string name_;
    };

 private:
    std::mutex mutex_;
    std::condition_variable freed_;
    std::set<std::string> held_;
};

}  // namespace berth::volumes
