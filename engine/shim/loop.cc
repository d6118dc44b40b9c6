#include "engine/shim/loop.h"

#include <sys/epoll.h>

#include <algorithm>
#include <cerrno>

namespace berth::shim {

using std::chrono::steady_clock;

Result<Loop> Loop::make() {
    UniqueFd epoll(::epoll_create1(EPOLL_CLOEXEC));
    if (!epoll) return fail_errno("epoll");
    return Loop(std::move(epoll));
}

Loop::Timer Loop::after(std::chrono::milliseconds time, std::function<void()> step) {
    timers_[++last_timer_] = {steady_clock::now() + time, std::move(step)};
    return last_timer_;
}

int Loop::milliseconds_left() const {
    if (timers_.empty()) return -1;
    auto first = std::min_element(timers_.begin(), timers_.end(),
                                  [](const auto& a, const auto& b) { return a.second.due < b.second.due; });
    auto left = std::chrono::ceil<std::chrono::milliseconds>(first->second.due - steady_clock::now()).count();
    return static_cast<int>(std::max<decltype(left)>(left, 0));
}

void Loop::run_steps() {
    while (!steps_.empty()) {
        auto steps = std::move(steps_);
        steps_.clear();
        for (auto& step : steps) step();
    }
}

void Loop::run_timers() {
    std::vector<std::function<void()>> due;
    auto time = steady_clock::now();
    std::erase_if(timers_, [&](auto& timer) {
        if (timer.second.due > time) return false;
        due.push_back(std::move(timer.second.step));
        return true;
    });
    for (auto& step : due) step();
}

void Loop::run() {
    run_steps();
    while (!stopped_) {
        epoll_event event{};
        int got = ::epoll_wait(epoll_.get(), &event, 1, milliseconds_left());
        if (got < 0 && errno != EINTR) return;
        if (got > 0) static_cast<Watch*>(event.data.ptr)->handler_(event.events);
        if (!timers_.empty()) run_timers();
        run_steps();
    }
}

Watch::Watch(Loop& loop, int fd, std::uint32_t events, std::function<void(std::uint32_t)> handler)
    : loop_(loop), fd_(fd), handler_(std::move(handler)) {
    set(events);
}

void Watch::set(std::uint32_t events) {
    if (added_ && events == events_) return;
    epoll_event event{};
    event.events = events;
    event.data.ptr = this;
    if (::epoll_ctl(loop_.epoll_.get(), added_ ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd_, &event) == 0)
        added_ = true;
    events_ = events;
}

void Watch::pause() {
    if (added_) (void)::epoll_ctl(loop_.epoll_.get(), EPOLL_CTL_DEL, fd_, nullptr);
    added_ = false;
}

}  // namespace berth::shim
