#include "engine/archive/remove_entry.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "engine/base/files.h"

namespace berth::archive {

Result<> remove_entry(int folder_fd, const std::string& name) {
    if (::unlinkat(folder_fd, name.c_str(), 0) == 0) return {};
    if (errno != EISDIR && errno != EPERM) return fail_errno("remove " + name);
    UniqueFd folder(::openat(folder_fd, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!folder) return fail_errno("open " + name);
    BERTH_TRY(const auto names, list_folder(folder.get()));
    for (const std::string& inner : names) BERTH_CHECK(remove_entry(folder.get(), inner));
    if (::unlinkat(folder_fd, name.c_str(), AT_REMOVEDIR) != 0) return fail_errno("remove " + name);
    return {};
}

}  // namespace berth::archive
