#include "network/netd/loop.h"

#include <algorithm>
#include <array>

namespace berth::netd {

Result<Loop> Loop::make() {
    UniqueFd epoll(::epoll_create1(EPOLL_CLOEXEC));
    if (!epoll) return fail_errno("epoll_create1");
    return Loop(std::move(epoll));
}

Result<> Loop::add(int fd, std::uint32_t events, Ready ready) {
    epoll_event event{.events = events, .data = {.fd = fd}};
    if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) return fail_errno("epoll_ctl");
    handlers_[fd] = std::make_shared<Ready>(std::move(ready));
    return {};
}

Result<> Loop::change(int fd, std::uint32_t events) {
    epoll_event event{.events = events, .data = {.fd = fd}};
    if (::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &event) != 0) return fail_errno("epoll_ctl");
    return {};
}

void Loop::remove(int fd) {
    if (handlers_.erase(fd) > 0) ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
}

Loop::Timer Loop::after(std::chrono::milliseconds delay, std::function<void()> act) {
    Timer timer{Clock::now() + delay, next_timer_++};
    timers_.emplace(timer, std::move(act));
    return timer;
}

void Loop::cancel(const Timer& timer) {
    timers_.erase(timer);
}

void Loop::run_timers() {
    while (!timers_.empty() && timers_.begin()->first.first <= Clock::now()) {
        auto act = std::move(timers_.begin()->second);
        timers_.erase(timers_.begin());
        act();
    }
}

int Loop::until_next_timer() const {
    if (timers_.empty()) return -1;
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(timers_.begin()->first.first - Clock::now());
    return static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, 60'000));
}

void Loop::run(const std::function<bool()>& done) {
    std::array<epoll_event, 64> events;
    while (!done()) {
        const int count =
            ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), until_next_timer());
        for (int i = 0; i < count; ++i) {
            const auto& event = events[static_cast<std::size_t>(i)];
            // An earlier handler of this round may have removed it.
            const auto found = handlers_.find(event.data.fd);
            if (found == handlers_.end()) continue;
            const auto handler = found->second;
            (*handler)(event.events);
        }
        run_timers();
    }
}

}  // namespace berth::netd
