#include "engine/sys/abandon.h"

#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <map>
#include <mutex>
#include <thread>

#include "engine/base/log.h"

namespace berth::sys {

namespace {

constexpr int kMoment = 2000;  // milliseconds

void reap(pid_t pid) {
    while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
    }
}

// The children that have not ended yet, and the thread that waits for them. Never destroyed: the thread may
// wait when the process ends.
class Reaper {
 public:
    static Reaper& instance() {
        static Reaper* const kReaper = new Reaper;
        return *kReaper;
    }

    void add(ChildProcess child) {
        std::lock_guard lock(mutex_);
        if (!epoll_) {
            epoll_.reset(::epoll_create1(EPOLL_CLOEXEC));
            if (epoll_) std::thread([this] { run(); }).detach();
        }
        epoll_event event{};
        event.events = EPOLLIN;
        event.data.fd = child.pidfd.get();
        if (!epoll_ || ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, child.pidfd.get(), &event) != 0) {
            log::warning("a process that was killed cannot be waited for",
                         {{"pid", std::to_string(child.pid)}});
            return;
        }
        children_.emplace(child.pidfd.get(), std::move(child));
    }

 private:
    void run() {
        for (;;) {
            epoll_event event{};
            if (::epoll_wait(epoll_.get(), &event, 1, -1) != 1) continue;
            std::lock_guard lock(mutex_);
            auto ended = children_.find(event.data.fd);
            if (ended == children_.end()) continue;
            reap(ended->second.pid);
            children_.erase(ended);  // closes the descriptor, which takes it out of the epoll set
        }
    }

    std::mutex mutex_;
    UniqueFd epoll_;
    std::map<int, ChildProcess> children_;
};

}  // namespace

void abandon(ChildProcess child) {
    if (!child.pidfd) return;
    ::syscall(SYS_pidfd_send_signal, child.pidfd.get(), SIGKILL, nullptr, 0);
    pollfd wait{child.pidfd.get(), POLLIN, 0};
    int ended = 0;
    while ((ended = ::poll(&wait, 1, kMoment)) < 0 && errno == EINTR) {
    }
    if (ended > 0) return reap(child.pid);
    Reaper::instance().add(std::move(child));
}

}  // namespace berth::sys
