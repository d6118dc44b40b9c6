#include "engine/shim/start_line.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <utility>

namespace berth::shim {

namespace {
constexpr char kCreated = 'c', kStart = 's';
// Of what the runtime says.
constexpr std::size_t kLongest = 16 << 10;
}  // namespace

Result<std::unique_ptr<StartLine>> StartLine::open(Loop& loop, std::function<void()> created) {
    int pair[2];
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) return fail_errno("socketpair");
    return std::unique_ptr<StartLine>(
        new StartLine(loop, UniqueFd(pair[0]), UniqueFd(pair[1]), std::move(created)));
}

StartLine::StartLine(Loop& loop, UniqueFd ours, UniqueFd theirs, std::function<void()> created)
    : ours_(std::move(ours)),
      theirs_(std::move(theirs)),
      created_(std::move(created)),
      watch_(loop, ours_.get(), EPOLLIN, [this](std::uint32_t) { hear(); }) {}

void StartLine::hear() {
    // Whatever it is, there is nothing more to come: its exit says the rest.
    watch_.pause();
    std::string said(kLongest, '\0');
    const ssize_t got = ::recv(ours_.get(), said.data(), said.size(), MSG_DONTWAIT | MSG_TRUNC);
    if (got < 1 || said[0] != kCreated) return;
    // Half a list is none.
    const auto size = static_cast<std::size_t>(got);
    if (size <= said.size()) remains_ = said.substr(1, size - 1);
    std::exchange(created_, {})();
}

bool StartLine::ask_for_start() const {
    return ::send(ours_.get(), &kStart, 1, MSG_NOSIGNAL | MSG_DONTWAIT) == 1;
}

}  // namespace berth::shim
