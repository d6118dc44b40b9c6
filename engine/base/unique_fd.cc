#include "engine/base/unique_fd.h"

#include <fcntl.h>
#include <unistd.h>

namespace berth {

UniqueFd& UniqueFd::operator=(UniqueFd&& other) noexcept {
    if (this != &other) reset(other.release());
    return *this;
}

int UniqueFd::release() {
    return std::exchange(fd_, -1);
}

void UniqueFd::reset(int fd) {
    if (fd_ >= 0) ::close(fd_);
    fd_ = fd;
}

Result<UniqueFd> UniqueFd::duplicate() const {
    UniqueFd copy(::fcntl(fd_, F_DUPFD_CLOEXEC, 3));
    if (!copy) return fail_errno("duplicate descriptor");
    return copy;
}

}  // namespace berth
