#include "engine/sys/walk_path.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <deque>
#include <string>
#include <vector>

#include "engine/base/unique_fd.h"

namespace berth::sys {

namespace {

class Walk {
 public:
    Walk(int root, std::uint64_t resolve) : resolve_(resolve), way_(1) {
        way_[0].reset(::openat(root, ".", O_PATH | O_DIRECTORY | O_CLOEXEC));
    }
    int open(const char* path, int flags, mode_t mode);

 private:
    static int failed(int error) {
        errno = error;
        return -1;
    }
    bool is(std::uint64_t flag) const { return (resolve_ & flag) != 0; }
    // In front of what is still to be walked; false where that is not allowed.
    bool put(const std::string& path);
    bool follow(int link);
    int open_last(const std::string& name, int flags, mode_t mode);

    std::uint64_t resolve_;
    std::vector<UniqueFd> way_;  // from the root down
    std::deque<std::string> names_;
    int links_ = 0;
};

bool Walk::put(const std::string& path) {
    if (path.starts_with('/')) {
        if (is(RESOLVE_BENEATH)) return failed(EXDEV) == 0;
        way_.resize(1);
    }
    std::deque<std::string> names;
    for (std::size_t at = 0; at < path.size();) {
        auto end = std::min(path.find('/', at), path.size());
        if (end > at) names.push_back(path.substr(at, end - at));
        at = end + 1;
    }
    names_.insert(names_.begin(), names.begin(), names.end());
    return true;
}

bool Walk::follow(int link) {
    constexpr int kMostLinks = 40;
    struct statfs kind{};
    char target[PATH_MAX];
    if (is(RESOLVE_NO_SYMLINKS) || ++links_ > kMostLinks) return failed(ELOOP) == 0;
    ssize_t length = ::readlinkat(link, "", target, sizeof target - 1);
    if (length < 0 || ::fstatfs(link, &kind) != 0) return false;
    std::string where(target, static_cast<std::size_t>(length));
    // Magic links lie in proc. Its plain ones have the text that they lead to: "self", "mounts", "net".
    bool plain = where.find('/') == std::string::npos || where.starts_with("self/");
    bool number = !where.empty() && where.find_first_not_of("0123456789/task") == std::string::npos;
    if (kind.f_type == PROC_SUPER_MAGIC && !plain && !number) return failed(ELOOP) == 0;
    if (kind.f_type == PROC_SUPER_MAGIC && where.find(':') != std::string::npos) return failed(ELOOP) == 0;
    return put(where);
}

// Of something that is no link, or is wanted as one, or is to be made.
int Walk::open_last(const std::string& name, int flags, mode_t mode) {
    return ::openat(way_.back().get(), name.c_str(), flags | O_NOFOLLOW | O_CLOEXEC, mode);
}

int Walk::open(const char* path, int flags, mode_t mode) {
    if (!way_[0]) return -1;
    bool folder_wanted = *path != '\0' && std::string_view(path).ends_with('/');
    if (!put(path)) return -1;
    struct stat root{};
    if (::fstat(way_[0].get(), &root) != 0) return -1;
    while (!names_.empty()) {
        std::string name = std::move(names_.front());
        names_.pop_front();
        if (name == ".") continue;
        if (name == "..") {
            if (way_.size() == 1 && is(RESOLVE_BENEATH)) return failed(EXDEV);
            if (way_.size() > 1) way_.pop_back();
            continue;
        }
        bool last = names_.empty() && !folder_wanted;
        UniqueFd next(::openat(way_.back().get(), name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
        struct stat status{};
        if (!next && !(last && errno == ENOENT && (flags & O_CREAT) != 0)) return -1;
        if (next && ::fstat(next.get(), &status) != 0) return -1;
        if (next && is(RESOLVE_NO_XDEV) && status.st_dev != root.st_dev) return failed(EXDEV);
        bool link = next && S_ISLNK(status.st_mode);
        if (last && (!link || (flags & (O_NOFOLLOW | O_EXCL)) != 0)) return open_last(name, flags, mode);
        if (link) {
            if (!follow(next.get())) return -1;
            continue;
        }
        way_.push_back(std::move(next));
    }
    // The way ended with a folder: the root itself, "." or "..".
    return ::openat(way_.back().get(), ".", flags | O_CLOEXEC, mode);
}

}  // namespace

int walk_path(int folder_fd, const char* path, int flags, mode_t mode, std::uint64_t resolve) {
    return Walk(folder_fd, resolve).open(path, flags, mode);
}

}  // namespace berth::sys
