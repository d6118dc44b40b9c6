#include "engine/image/spare_room.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "engine/base/files.h"
#include "engine/base/log.h"

namespace berth::image {

namespace {
// Some sixty names go before the first blob does, each for a few pages of the database's log.
constexpr off_t kSize = 768 << 10;
}  // namespace

SpareRoom::SpareRoom(std::string path) : path_(std::move(path)) {
    take();
}

bool SpareRoom::is_short() const {
    struct statvfs status{};
    return ::statvfs(path_.c_str(), &status) == 0 &&
           static_cast<off_t>(status.f_bavail * status.f_frsize) < kSize;
}

void SpareRoom::take() {
    auto file = open_file(path_, O_RDWR | O_CREAT | O_NOFOLLOW, 0600);
    struct stat status{};
    if (!file || ::fstat(file->get(), &status) != 0 || status.st_size == kSize) return;
    // All of it or nothing: half of it would only be in the way.
    if (::posix_fallocate(file->get(), 0, kSize) != 0 && ::ftruncate(file->get(), 0) != 0) return;
}

std::shared_ptr<void> SpareRoom::lend() {
    std::lock_guard guard(mutex_);
    if (is_short() && ::truncate(path_.c_str(), 0) != 0)
        log::info("the spare room is not given up", {{"file", path_}});
    ++lent_;
    return {nullptr, [this](void*) {
                std::lock_guard again(mutex_);
                if (--lent_ == 0) take();
            }};
}

}  // namespace berth::image
