#pragma once

#include <sys/epoll.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <unordered_map>

#include "engine/base/result.h"
#include "engine/base/unique_fd.h"

namespace berth::netd {

using Clock = std::chrono::steady_clock;

// One thread, epoll, timers. Handlers may add and remove descriptors and timers, their own too.
class Loop {
 public:
    using Ready = std::function<void(std::uint32_t events)>;

    static Result<Loop> make();
    // `fd` stays its owner's, who removes it before closing it.
    Result<> add(int fd, std::uint32_t events, Ready ready);
    Result<> change(int fd, std::uint32_t events);
    void remove(int fd);

    using Timer = std::pair<Clock::time_point, std::uint64_t>;
    Timer after(std::chrono::milliseconds delay, std::function<void()> act);
    void cancel(const Timer& timer);

    // Until `done` says so, asked after each round.
    void run(const std::function<bool()>& done);

 private:
    explicit Loop(UniqueFd epoll) : epoll_(std::move(epoll)) {}
    void run_timers();
    int until_next_timer() const;

    UniqueFd epoll_;
    std::unordered_map<int, std::shared_ptr<Ready>> handlers_;
    std::map<Timer, std::function<void()>> timers_;
    std::uint64_t next_timer_ = 0;
};

}  // namespace berth::netd
