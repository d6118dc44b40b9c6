#include "engine/snapshot/usage.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <memory>
#include <set>

#include "engine/base/files.h"

namespace berth::snapshot {

namespace {

// Deeper trees exist only to hurt: what lies below is not counted.
constexpr int kMaxDepth = 400;

class Walk {
 public:
    explicit Walk(dev_t device) : device_(device) {}

    void count(const struct stat& status) {
        if (!S_ISDIR(status.st_mode) && status.st_nlink > 1 && !linked_.insert(status.st_ino).second) return;
        bytes_ += static_cast<std::uint64_t>(status.st_blocks) * 512;
    }

    Result<> folder(UniqueFd fd, int depth) {
        auto close = [](DIR* dir) { ::closedir(dir); };
        std::unique_ptr<DIR, decltype(close)> dir(::fdopendir(fd.get()), close);
        if (!dir) return fail_errno("read folder");
        (void)fd.release();
        while (dirent* entry = ::readdir(dir.get())) {
            std::string_view name = entry->d_name;
            struct stat status{};
            if (name == "." || name == "..") continue;
            // What vanishes meanwhile takes no space.
            if (::fstatat(::dirfd(dir.get()), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) != 0) continue;
            if (status.st_dev != device_) continue;
            count(status);
            if (!S_ISDIR(status.st_mode) || depth >= kMaxDepth) continue;
            UniqueFd child(
                ::openat(::dirfd(dir.get()), entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
            if (child) BERTH_CHECK(folder(std::move(child), depth + 1));
        }
        return {};
    }

    std::uint64_t bytes() const { return bytes_; }

 private:
    dev_t device_;
    std::set<ino_t> linked_;
    std::uint64_t bytes_ = 0;
};

}  // namespace

Result<std::uint64_t> disk_usage(const std::string& path) {
    BERTH_TRY(UniqueFd top, open_file(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    struct stat status{};
    if (::fstat(top.get(), &status) != 0) return fail_errno("stat " + path);
    Walk walk(status.st_dev);
    walk.count(status);
    BERTH_CHECK(in(path, walk.folder(std::move(top), 0)));
    return walk.bytes();
}

}  // namespace berth::snapshot
