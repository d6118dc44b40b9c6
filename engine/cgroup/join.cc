#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <climits>

#include "engine/base/files.h"
#include "engine/cgroup/cgroup.h"

namespace berth::cgroup {

namespace {

Result<> write_number(int file, const std::string& path, std::string_view number) {
    if (::write(file, number.data(), number.size()) < 0) return fail_errno("write " + path);
    return {};
}

std::string path_of(int file) {
    char path[PATH_MAX];
    ssize_t length = ::readlink(("/proc/self/fd/" + std::to_string(file)).c_str(), path, sizeof path);
    return length < 0 ? "cgroup" : std::string(path, static_cast<std::size_t>(length));
}

}  // namespace

Result<UniqueFd> join_file(const std::string& folder) {
    return open_file(folder + "/tasks", O_WRONLY);
}

Result<> join_by(const std::vector<UniqueFd>& files) {
    for (const UniqueFd& file : files) {
        auto joined = write_number(file.get(), "", "0");
        if (!joined) return fail_errno("write " + path_of(file.get()), joined.error().sys_errno);
    }
    return {};
}

Result<std::vector<UniqueFd>> Cgroup::join_files() const {
    std::vector<UniqueFd> files;
    for (const Folder& folder : folders_) {
        if (folder.unified) continue;
        BERTH_TRY(UniqueFd file, join_file(folder.path));
        files.push_back(std::move(file));
    }
    return files;
}

UniqueFd Cgroup::birthplace() const {
    for (const Folder& folder : folders_) {
        if (folder.unified) return UniqueFd(::open(folder.path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    }
    return {};
}

Result<> Cgroup::join_unified(pid_t pid) const {
    for (const Folder& folder : folders_) {
        if (!folder.unified) continue;
        std::string path = folder.path + "/cgroup.procs";
        BERTH_TRY(UniqueFd file, open_file(path, O_WRONLY));
        BERTH_CHECK(write_number(file.get(), path, std::to_string(pid)));
    }
    return {};
}

Result<> Cgroup::join(pid_t pid) const {
    for (const Folder& folder : folders_) {
        std::string path = folder.path + "/cgroup.procs";
        BERTH_TRY(UniqueFd file, open_file(path, O_WRONLY));
        BERTH_CHECK(write_number(file.get(), path, std::to_string(pid)));
    }
    return {};
}

}  // namespace berth::cgroup
