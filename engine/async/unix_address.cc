#include "engine/async/unix_address.h"

#include <fcntl.h>

#include <cstddef>
#include <cstring>

#include "engine/base/files.h"

namespace berth::async {

Result<UnixAddress> UnixAddress::of(const std::string& path) {
    UnixAddress out;
    std::string text = path;
    if (path.size() >= sizeof out.name.sun_path) {
        auto slash = path.rfind('/');
        if (slash == std::string::npos)
            return fail(ErrorKind::kInvalidArgument, "socket path is too long: " + path);
        BERTH_TRY(out.folder, open_file(path.substr(0, slash + 1), O_PATH | O_DIRECTORY));
        text = "/proc/self/fd/" + std::to_string(out.folder.get()) + path.substr(slash);
    }
    if (text.empty() || text.size() >= sizeof out.name.sun_path || text.find('\0') != std::string::npos) {
        return fail(ErrorKind::kInvalidArgument, "invalid socket path: " + path);
    }
    out.name.sun_family = AF_UNIX;
    std::memcpy(out.name.sun_path, text.data(), text.size());
    out.size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + text.size() + 1);
    return out;
}

}  // namespace berth::async
