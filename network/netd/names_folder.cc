#include "network/netd/names_folder.h"

#include <fcntl.h>

#include "engine/base/files.h"

namespace berth::netd {

template <class Names>
const Names* NamesFolder::read(Cache<Names>& cache, const std::string& file,
                               std::optional<Names> (*parse)(std::string_view text)) {
    struct stat about{};
    if (::fstatat(folder_.get(), file.c_str(), &about, AT_SYMLINK_NOFOLLOW) != 0) {
        cache.erase(file);
        return nullptr;
    }
    auto& cached = cache[file];
    // Every replacement is a new inode; the time is for inodes used again.
    const bool same = cached.inode == about.st_ino && cached.changed.tv_sec == about.st_ctim.tv_sec &&
                      cached.changed.tv_nsec == about.st_ctim.tv_nsec;
    if (!same) {
        UniqueFd fd(::openat(folder_.get(), file.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
        auto text = fd ? read_all(fd.get()) : Result<std::string>(fail_errno(file));
        cached.inode = about.st_ino;
        cached.changed = about.st_ctim;
        cached.names = text ? parse(*text) : std::nullopt;
    }
    return cached.names ? &*cached.names : nullptr;
}

const network::NetworkNames* NamesFolder::network(const std::string& id) {
    return read(networks_, network::network_file(id), network::parse_network_names);
}

const network::SandboxNames* NamesFolder::sandbox(const std::string& container) {
    return read(sandboxes_, network::sandbox_file(container), network::parse_sandbox_names);
}

}  // namespace berth::netd
