#include "network/names/netd_watch.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace berth::network {
namespace {

constexpr std::chrono::seconds kPause{1};  // one that ends at once is not started again and again

bool has_ended(int connection) {
    pollfd one{.fd = connection, .events = 0, .revents = 0};
    return ::poll(&one, 1, 0) == 1 && (one.revents & (POLLHUP | POLLERR)) != 0;
}

void tell(int wake) {
    const std::uint64_t one = 1;
    (void)!::write(wake, &one, sizeof one);
}

}  // namespace

NetdWatch::NetdWatch(UniqueFd wake, std::function<void()> lost)
    : wake_(std::move(wake)), lost_(std::move(lost)), thread_([this] { run(); }) {}

Result<std::unique_ptr<NetdWatch>> NetdWatch::start(std::function<void()> lost) {
    UniqueFd wake(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!wake) return fail_errno("eventfd");
    return std::unique_ptr<NetdWatch>(new NetdWatch(std::move(wake), std::move(lost)));
}

NetdWatch::~NetdWatch() {
    {
        const std::lock_guard lock(mutex_);
        stop_ = true;
    }
    tell(wake_.get());
    thread_.join();
}

void NetdWatch::add(UniqueFd connection) {
    {
        const std::lock_guard lock(mutex_);
        connections_.push_back(std::move(connection));
    }
    tell(wake_.get());
}

bool NetdWatch::drop_ended() {
    const std::lock_guard lock(mutex_);
    return std::erase_if(connections_, [](const UniqueFd& fd) { return has_ended(fd.get()); }) > 0;
}

bool NetdWatch::stopping() const {
    const std::lock_guard lock(mutex_);
    return stop_;
}

void NetdWatch::run() {
    std::chrono::steady_clock::time_point earliest{};
    bool lost = false;
    while (!stopping()) {
        std::vector<pollfd> ends{{.fd = wake_.get(), .events = POLLIN, .revents = 0}};
        {
            const std::lock_guard lock(mutex_);
            for (const auto& connection : connections_)
                ends.push_back({.fd = connection.get(), .events = 0, .revents = 0});
        }
        const auto left =
            std::chrono::ceil<std::chrono::milliseconds>(earliest - std::chrono::steady_clock::now());
        const int wait = lost ? static_cast<int>(std::max<std::int64_t>(left.count(), 0)) : -1;
        if (::poll(ends.data(), ends.size(), wait) < 0 && errno != EINTR) return;
        std::uint64_t times = 0;
        (void)!::read(wake_.get(), &times, sizeof times);
        lost = drop_ended() || lost;
        if (!lost || stopping() || std::chrono::steady_clock::now() < earliest) continue;
        lost = false;
        lost_();
        earliest = std::chrono::steady_clock::now() + kPause;
    }
}

}  // namespace berth::network
