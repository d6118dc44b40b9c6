#include "engine/executor/host_program.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>

namespace berth::executor {

Result<std::string> find_host_program(const std::string& name) {
    const char* path = std::getenv("PATH");
    std::string folders = path == nullptr ? "/usr/sbin:/usr/bin:/sbin:/bin" : path;
    for (std::size_t at = 0; at < folders.size();) {
        auto end = std::min(folders.find(':', at), folders.size());
        std::string candidate = folders.substr(at, end - at) + "/" + name;
        at = end + 1;
        if (::access(candidate.c_str(), X_OK) == 0) return candidate;
    }
    return fail(ErrorKind::kUnavailable, "exec: \"" + name + "\": executable file not found in $PATH");
}

}  // namespace berth::executor
