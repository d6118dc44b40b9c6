#include "engine/shim/remains.h"

#include <unistd.h>

#include <cerrno>
#include <string>

#include "engine/base/files.h"

namespace berth::shim {

namespace {

// A process that has been reaped leaves its cgroup a little later.
bool remove_cgroup(const std::string& folder) {
    constexpr int kTries = 20;
    constexpr useconds_t kPause = 50;
    for (int tries = 0; tries < kTries; ++tries) {
        if (::rmdir(folder.c_str()) == 0 || errno == ENOENT) return true;
        if (errno != EBUSY) return false;
        ::usleep(kPause);
    }
    return false;
}

}  // namespace

bool take_away(std::string_view remains) {
    if (remains.empty()) return false;
    for (;;) {
        const auto end = remains.find('\n');
        if (end == remains.npos) return false;
        const std::string folder(remains.substr(0, end));
        remains.remove_prefix(end + 1);
        if (remains.empty()) return remove_tree(folder).has_value();
        if (!remove_cgroup(folder)) return false;
    }
}

}  // namespace berth::shim
