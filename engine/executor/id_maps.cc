#include "engine/executor/id_maps.h"

#include <fcntl.h>
#include <unistd.h>

#include <string>

#include "engine/base/files.h"
#include "engine/sys/pidfd.h"
#include "engine/sys/spawn.h"
#include "engine/sys/user_space.h"

namespace berth::executor {

namespace {

std::string text_of(const std::vector<oci::IdMapping>& maps) {
    std::string out;
    for (const oci::IdMapping& map : maps) {
        out += std::to_string(map.container_id) + " " + std::to_string(map.host_id) + " " +
               std::to_string(map.size) + "\n";
    }
    return out;
}

bool only_own(const std::vector<oci::IdMapping>& maps, unsigned own) {
    return maps.size() == 1 && maps[0].size == 1 && maps[0].host_id == own;
}

Result<> call_helper(const char* name, pid_t pid, const std::vector<oci::IdMapping>& maps) {
    sys::SpawnOptions options;
    for (const char* folder : {"/usr/bin/", "/usr/local/bin/", "/bin/"}) {
        if (exists(std::string(folder) + name)) options.path = std::string(folder) + name;
    }
    if (options.path.empty())
        return fail(ErrorKind::kUnavailable,
                    std::string("several ids are to be mapped, and ") + name + " is not installed");
    options.argv = {name, std::to_string(pid)};
    for (const oci::IdMapping& map : maps) {
        for (auto number : {map.container_id, map.host_id, map.size})
            options.argv.push_back(std::to_string(number));
    }
    options.fds = {-1, -1, STDERR_FILENO};
    BERTH_TRY(sys::ChildProcess child, sys::spawn(options));
    BERTH_TRY(sys::ChildStatus status, sys::wait_child(child.pidfd.get()));
    if (status.exit_code != 0)
        return fail(ErrorKind::kForbidden,
                    std::string(name) + " failed: exit status " + std::to_string(status.exit_code));
    return {};
}

Result<> write_map(pid_t pid, const char* file, const char* helper, const std::vector<oci::IdMapping>& maps,
                   unsigned own) {
    std::string path = "/proc/" + std::to_string(pid) + "/" + file;
    bool privileged = ::geteuid() == 0;
    auto written =
        privileged || only_own(maps, own) ? write_file(path, text_of(maps)) : call_helper(helper, pid, maps);
    return in(std::string("write ") + file, std::move(written));
}

}  // namespace

Result<> write_id_maps(pid_t pid, const std::vector<oci::IdMapping>& uids,
                       const std::vector<oci::IdMapping>& gids) {
    BERTH_CHECK(write_map(pid, "uid_map", "newuidmap", uids, ::geteuid()));
    // Who maps his own group without privileges must give up to drop groups that are held against him.
    if (::geteuid() != 0 && only_own(gids, ::getegid()))
        BERTH_CHECK(write_file("/proc/" + std::to_string(pid) + "/setgroups", "deny"));
    return write_map(pid, "gid_map", "newgidmap", gids, ::getegid());
}

Result<UniqueFd> make_empty_user_space(const std::vector<oci::IdMapping>& uids,
                                       const std::vector<oci::IdMapping>& gids) {
    auto ranges = [](const std::vector<oci::IdMapping>& maps) {
        std::vector<IdRange> out;
        for (const oci::IdMapping& map : maps) out.push_back({map.container_id, map.host_id, map.size});
        return out;
    };
    BERTH_TRY(sys::UserSpace space,
              sys::UserSpace::make({ranges(uids), ranges(gids)}, sys::UserSpace::Network::kNone));
    return open_file(space.user_path(), O_RDONLY);
}

}  // namespace berth::executor
