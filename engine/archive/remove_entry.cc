#include "engine/archive/remove_entry.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <memory>

#include "engine/base/unique_fd.h"

namespace berth::archive {

Result<> remove_entry(int folder_fd, const std::string& name) {
    if (::unlinkat(folder_fd, name.c_str(), 0) == 0) return {};
    if (errno != EISDIR && errno != EPERM) return fail_errno("remove " + name);
    UniqueFd folder(::openat(folder_fd, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!folder) return fail_errno("open " + name);
    std::unique_ptr<DIR, int (*)(DIR*)> dir(::fdopendir(folder.get()), ::closedir);
    if (!dir) return fail_errno("read " + name);
    (void)folder.release();
    while (dirent* entry = ::readdir(dir.get())) {
        std::string inner = entry->d_name;
        if (inner != "." && inner != "..") BERTH_CHECK(remove_entry(::dirfd(dir.get()), inner));
    }
    if (::unlinkat(folder_fd, name.c_str(), AT_REMOVEDIR) != 0) return fail_errno("remove " + name);
    return {};
}

}  // namespace berth::archive
