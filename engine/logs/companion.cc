#include "engine/logs/companion.h"

#include <unistd.h>

namespace berth::logs {

Result<std::string> companion(const std::string& name) {
    std::string path(4096, '\0');
    const ssize_t size = ::readlink("/proc/self/exe", path.data(), path.size());
    if (size <= 0) return fail_errno("readlink /proc/self/exe");
    path.resize(static_cast<std::size_t>(size));
    return path.substr(0, path.rfind('/') + 1) + name;
}

}  // namespace berth::logs
