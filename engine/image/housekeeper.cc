#include "engine/image/housekeeper.h"

#include "engine/base/log.h"

namespace berth::image {

Housekeeper::Housekeeper(snapshot::Snapshotter& snapshots)
    : snapshots_(snapshots), thread_([this] { run(); }) {}

Housekeeper::~Housekeeper() {
    {
        std::lock_guard guard(mutex_);
        over_ = true;
        changed_.notify_all();
    }
    thread_.join();
}

void Housekeeper::tidy() {
    std::lock_guard guard(mutex_);
    wanted_ = true;
    changed_.notify_all();
}

void Housekeeper::run() {
    std::unique_lock guard(mutex_);
    for (;;) {
        changed_.wait(guard, [this] { return over_ || wanted_; });
        if (over_) return;
        wanted_ = false;
        guard.unlock();
        auto done = snapshots_.settle();
        if (done) done = snapshots_.clear_discarded();
        if (!done) log::warning("layers are not tidied up", {{"error", done.error().message}});
        guard.lock();
    }
}

}  // namespace berth::image
