#include "engine/sys/disk_usage.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <set>

#include "engine/base/files.h"

namespace berth::sys {

namespace {

// Deeper trees exist only to hurt: what lies below is not counted.
constexpr int kMaxDepth = 400;

class Walk {
 public:
    explicit Walk(dev_t device) : device_(device) {}

    void count(const struct stat& status) {
        if (!S_ISDIR(status.st_mode) && status.st_nlink > 1 && !linked_.insert(status.st_ino).second) return;
        used_.blocks += static_cast<std::uint64_t>(status.st_blocks) * 512;
        if (!S_ISDIR(status.st_mode)) used_.content += static_cast<std::uint64_t>(status.st_size);
    }

    Result<> folder(UniqueFd fd, int depth) {
        BERTH_TRY(const auto names, list_folder(fd.get()));
        for (const std::string& name : names) {
            struct stat status{};
            if (::fstatat(fd.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
                // What vanishes meanwhile takes no space.
                if (errno == ENOENT) continue;
                return fail_errno("stat " + name);
            }
            if (status.st_dev != device_) continue;
            count(status);
            if (!S_ISDIR(status.st_mode) || depth >= kMaxDepth) continue;
            UniqueFd child(::openat(fd.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
            if (!child && errno == ENOENT) continue;
            if (!child) return fail_errno("open " + name);
            BERTH_CHECK(folder(std::move(child), depth + 1));
        }
        return {};
    }

    const DiskUsage& used() const { return used_; }

 private:
    dev_t device_;
    std::set<ino_t> linked_;
    DiskUsage used_;
};

}  // namespace

Result<DiskUsage> disk_usage(const std::string& path) {
    BERTH_TRY(UniqueFd top, open_file(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    struct stat status{};
    if (::fstat(top.get(), &status) != 0) return fail_errno("stat " + path);
    Walk walk(status.st_dev);
    walk.count(status);
    BERTH_CHECK(in(path, walk.folder(std::move(top), 0)));
    return walk.used();
}

}  // namespace berth::sys
