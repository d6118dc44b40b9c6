#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <vector>

#include "engine/base/result.h"
#include "engine/base/unique_fd.h"

namespace berth::shim {

// One epoll, one thread.
class Loop {
 public:
    static Result<Loop> make();

    // Until stop(). One event at a time: a handler may destroy any Watch but its own; that goes through
    // later().
    void run();
    void stop() { stopped_ = true; }
    // Runs `step` before the next event is looked at.
    void later(std::function<void()> step) { steps_.push_back(std::move(step)); }
    // Runs `step` once, later, unless cancel() comes before.
    using Timer = std::uint64_t;
    Timer after(std::chrono::milliseconds time, std::function<void()> step);
    void cancel(Timer timer) { timers_.erase(timer); }

 private:
    friend class Watch;
    explicit Loop(UniqueFd epoll) : epoll_(std::move(epoll)) {}
    void run_steps();
    int milliseconds_left() const;

    UniqueFd epoll_;
    bool stopped_ = false;
    std::vector<std::function<void()>> steps_;
    struct Pending {
        std::chrono::steady_clock::time_point due;
        std::function<void()> step;
    };
    void run_timers();
    std::map<Timer, Pending> timers_;  // a handful at most
    Timer last_timer_ = 0;
};

// Calls a handler when a descriptor (somebody else's) is ready, as long as it lives.
class Watch {
 public:
    Watch(Loop& loop, int fd, std::uint32_t events, std::function<void(std::uint32_t)> handler);
    ~Watch() { pause(); }
    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;

    // EPOLLHUP and EPOLLERR come in any case.
    void set(std::uint32_t events);
    // Nothing at all comes, EPOLLHUP neither, until the next set().
    void pause();

 private:
    friend class Loop;
    Loop& loop_;
    int fd_;
    std::uint32_t events_ = 0;
    bool added_ = false;
    std::function<void(std::uint32_t)> handler_;
};

}  // namespace berth::shim
