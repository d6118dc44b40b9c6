#include "engine/base/file_lock.h"

#include <sys/file.h>

#include <cerrno>
#include <chrono>
#include <thread>

namespace berth {
namespace {

constexpr std::chrono::milliseconds kNap{5};
constexpr int kAttempts = 200;

}  // namespace

bool lock_file(int fd) {
    for (int attempt = 1;; ++attempt) {
        if (::flock(fd, LOCK_EX | LOCK_NB) == 0) return true;
        if (errno != EWOULDBLOCK || attempt == kAttempts) return false;
        std::this_thread::sleep_for(kNap);
    }
}

}  // namespace berth
