#include "engine/daemon/instance.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <optional>

#include "engine/base/file_lock.h"
#include "engine/base/files.h"
#include "engine/base/ids.h"

namespace berth::daemon {

namespace {

Result<> own_folder(const std::string& path, mode_t mode, gid_t group) {
    BERTH_CHECK(make_folders(path, mode));
    if (::chown(path.c_str(), 0, group) != 0) return fail_errno("chown " + path);
    if (::chmod(path.c_str(), mode) != 0) return fail_errno("chmod " + path);
    return {};
}

// The state and the name of a process, as /proc tells them: 'S', "berthd".
struct Process {
    char state = 0;
    std::string name;
};
std::optional<Process> look_at(long pid) {
    auto text = read_file("/proc/" + std::to_string(pid) + "/stat", 4096);
    if (!text) return {};
    auto open = text->find('('), close = text->rfind(')');
    if (open == std::string::npos || close == std::string::npos || close + 2 >= text->size()) return {};
    return Process{(*text)[close + 2], text->substr(open + 1, close - open - 1)};
}

// Whether the number in a pid file still is that of a daemon: it may be a zombie's, or belong to somebody
// else since.
bool is_daemon(long pid) {
    if (pid <= 0 || pid == ::getpid()) return false;
    auto found = look_at(pid);
    if (!found || found->state == 'Z' || found->state == 'X') return false;
    auto self = look_at(::getpid());
    return found->name == "berthd" || found->name == "dockerd" || (self && self->name == found->name);
}

Result<> refuse_live(const std::string& pidfile) {
    auto text = read_file(pidfile, 64);
    if (!text) return {};
    const long pid = std::strtol(text->c_str(), nullptr, 10);
    if (!is_daemon(pid)) return {};
    return fail(ErrorKind::kConflict, fmt::format("process with PID {} is still running", pid));
}

}  // namespace

Result<Instance> Instance::claim(const std::string& data_root, const std::string& exec_root,
                                 std::string pidfile, gid_t walkers) {
    BERTH_CHECK(own_folder(data_root, 0710, walkers));
    BERTH_CHECK(own_folder(exec_root, walkers == 0 ? 0700 : 0710, walkers));
    BERTH_TRY(auto lock, open_file(data_root + "/berthd.lock", O_RDWR | O_CREAT | O_NOFOLLOW, 0600));
    if (!lock_file(lock.get())) {
        return fail(ErrorKind::kConflict, "another daemon uses the data root " + data_root);
    }
    if (!pidfile.empty()) {
        BERTH_CHECK(in("failed to start daemon", refuse_live(pidfile)));
        if (auto slash = pidfile.rfind('/'); slash != std::string::npos && slash > 0) {
            const std::string folder = pidfile.substr(0, slash);
            if (!exists(folder)) BERTH_CHECK(make_folders(folder, 0755));
        }
        BERTH_CHECK(replace_file(pidfile, std::to_string(::getpid()), 0644, Sync::kNone));
    }
    return Instance(std::move(lock), std::move(pidfile));
}

Instance::Instance(Instance&& other) noexcept
    : lock_(std::move(other.lock_)), pidfile_(std::exchange(other.pidfile_, {})) {}

Instance::~Instance() {
    if (!pidfile_.empty()) ::unlink(pidfile_.c_str());
}

Result<std::string> engine_id(const std::string& data_root) {
    const std::string path = data_root + "/engine-id";
    if (auto text = read_file(path, 4096); text && !text->empty()) return *text;
    std::string id = random_hex(16);
    for (std::size_t at : {8, 13, 18, 23}) id.insert(at, "-");
    BERTH_CHECK(replace_file(path, id, 0600, Sync::kData));
    return id;
}

}  // namespace berth::daemon
