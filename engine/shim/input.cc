#include "engine/shim/input.h"

#include <sys/epoll.h>
#include <unistd.h>

#include <cerrno>

namespace berth::shim {

Input::Input(Loop& loop, UniqueFd fd, std::function<void()> on_room)
    : loop_(loop), fd_(std::move(fd)), on_room_(std::move(on_room)) {
    if (!fd_) return;
    watch_ = std::make_unique<Watch>(loop_, fd_.get(), 0, [this](std::uint32_t) { flush(); });
    watch_->pause();
}

void Input::write(std::string_view bytes) {
    // Nobody reads any more: what is typed into the void is gone, as with a closed terminal.
    if (!fd_ || closing_) return;
    pending_.assign(bytes);
    flush();
}

void Input::close() {
    closing_ = true;
    if (!full()) {
        if (watch_) watch_->pause();
        fd_.reset();
    }
}

void Input::flush() {
    while (!pending_.empty()) {
        ssize_t put = ::write(fd_.get(), pending_.data(), pending_.size());
        if (put < 0 && errno == EINTR) continue;
        if (put < 0 && errno == EAGAIN) {
            watch_->set(EPOLLOUT);
            return;
        }
        if (put < 0) {
            pending_.clear();
            closing_ = true;
            break;
        }
        pending_.erase(0, static_cast<std::size_t>(put));
    }
    watch_->pause();
    if (closing_) fd_.reset();
    loop_.later(on_room_);
}

}  // namespace berth::shim
