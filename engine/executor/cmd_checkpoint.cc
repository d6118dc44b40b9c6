#include <unistd.h>

#include <cstdlib>

#include "engine/executor/commands.h"
#include "engine/executor/container_state.h"

namespace berth::executor {

namespace {

bool criu_is_installed() {
    const char* path = std::getenv("PATH");
    std::string folders = path == nullptr ? "/usr/sbin:/usr/bin:/sbin:/bin" : path;
    for (std::size_t at = 0; at < folders.size();) {
        auto end = std::min(folders.find(':', at), folders.size());
        if (::access((folders.substr(at, end - at) + "/criu").c_str(), X_OK) == 0) return true;
        at = end + 1;
    }
    return false;
}

Result<> refuse(const Options& options) {
    if (!criu_is_installed()) {
        return fail(
            ErrorKind::kUnavailable,
            options.command +
                " needs criu, which is not installed: exec: \"criu\": executable file not found in $PATH");
    }
    return fail(ErrorKind::kNotImplemented, options.command + " is not supported yet");
}

}  // namespace

Result<> checkpoint_command(const Options& options) {
    BERTH_TRY(std::string id, only_id(options));
    BERTH_CHECK(load_state(options.root, id));
    return refuse(options);
}

Result<> restore_command(const Options& options) {
    BERTH_CHECK(only_id(options));
    return refuse(options);
}

}  // namespace berth::executor
