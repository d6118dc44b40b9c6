#include "engine/supervisor/bundle_store.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string_view>

#include "engine/base/files.h"
#include "engine/base/undo.h"
#include "engine/shim/protocol/bundle.h"
#include "engine/shim/protocol/socket.h"
#include "engine/sys/sealed_copy.h"

namespace berth::supervisor {

namespace {

// A mount goes on a folder or a file, as what it shows is one.
Result<> make_places(const std::string& folder, const std::vector<UniqueFd>& mounts) {
    if (mounts.empty()) return {};
    if (::mkdir(folder.c_str(), 0700) != 0) return fail_errno("mkdir " + folder);
    for (std::size_t i = 0; i < mounts.size(); ++i) {
        const std::string place = folder + "/" + std::to_string(i);
        struct stat status{};
        if (::fstat(mounts[i].get(), &status) != 0) return fail_errno("stat a mount");
        if (!S_ISDIR(status.st_mode)) {
            BERTH_CHECK(write_file(place, ""));
        } else if (::mkdir(place.c_str(), 0700) != 0) {
            return fail_errno("mkdir " + place);
        }
    }
    return {};
}

}  // namespace

std::string handed_mount_path(const std::string& state_dir, const std::string& id, std::size_t index) {
    return state_dir + "/tasks/" + id + "/" + shim::kMountsFolder + "/" + std::to_string(index);
}

// Those who only walk through may do that, and nobody else.
Result<> BundleStore::open_way(const std::string& folder) const {
    if (config_.walkers == 0) return {};
    if (::chown(folder.c_str(), 0, config_.walkers) != 0) return fail_errno("chown " + folder);
    if (::chmod(folder.c_str(), 0710) != 0) return fail_errno("chmod " + folder);
    return {};
}

Result<> BundleStore::write(const TaskSpec& spec) const {
    std::string bundle = path(spec.id);
    BERTH_CHECK(make_folders(config_.state_dir + "/tasks", 0700));
    BERTH_CHECK(open_way(config_.state_dir + "/tasks"));
    if (::mkdir(bundle.c_str(), 0700) != 0) return fail_errno("mkdir " + bundle);
    UndoStack undo;
    undo.push([&bundle] { (void)remove_tree(bundle).has_value(); });
    // The container's init walks through to its root before it has one.
    BERTH_CHECK(open_way(bundle));
    if (::mkdir((bundle + "/" + shim::kRootFolder).c_str(), 0700) != 0) return fail_errno("mkdir rootfs");
    BERTH_CHECK(make_places(bundle + "/" + shim::kMountsFolder, spec.mounts));
    shim::TaskFile task;
    task.id = spec.id;
    task.runtime = spec.runtime.empty() ? config_.runtime_path : spec.runtime;
    task.runtime_root = config_.state_dir + "/runtime";
    task.runtime_args = spec.runtime_args;
    task.terminal = spec.terminal;
    task.open_stdin = spec.open_stdin;
    task.stdin_once = spec.stdin_once;
    task.rows = spec.rows;
    task.columns = spec.columns;
    task.log_driver = spec.log_driver;
    task.log_path = spec.log_path;
    task.log_options = spec.log_options;
    task.log_attributes = spec.log_attributes;
    task.log_tag = spec.log_tag;
    task.cgroup_paths = spec.cgroup_paths;
    task.runtime_seconds = static_cast<std::uint32_t>(config_.runtime_limit.count());
    if (const auto& health = spec.health) {
        task.health = {health->process_json,           health->interval.count(),
                       health->timeout.count(),        health->start_period.count(),
                       health->start_interval.count(), static_cast<std::uint32_t>(health->retries)};
    }
    BERTH_CHECK(write_file(bundle + "/" + shim::kConfigFile, spec.config_json));
    BERTH_CHECK(write_file(bundle + "/" + shim::kTaskFile, shim::encode_task_file(task)));
    undo.keep();
    return {};
}

Result<> BundleStore::remove(const std::string& id) const {
    return remove_tree(path(id));
}

bool BundleStore::runtime_knows(const std::string& id) const {
    return exists(config_.state_dir + "/runtime/" + id);
}

Result<std::vector<std::string>> BundleStore::list() const {
    std::string folder = config_.state_dir + "/tasks";
    if (!exists(folder)) return std::vector<std::string>();
    return list_folder(folder);
}

int BundleStore::sealed_runtime() {
    if (runtime_) return runtime_.get();
    // Where it cannot be had, the runtime makes its own, as it does for any other caller.
    auto program = open_file(config_.runtime_path, O_RDONLY);
    // A script has to have a name for its interpreter.
    char magic[4] = {};
    const bool binary = program && ::pread(program->get(), magic, sizeof magic, 0) == sizeof magic &&
                        std::string_view(magic, sizeof magic) == "\177ELF";
    if (!binary) return -1;
    auto copy = sys::sealed_copy(program->get());
    if (copy) runtime_ = std::move(*copy);
    return runtime_.get();
}

Result<UniqueFd> BundleStore::start_shim(const std::string& id, bool own_runtime) {
    BERTH_TRY(shim::SocketPair pair, shim::make_socket_pair());
    sys::SpawnOptions options;
    options.argv = {config_.shim_path, "--id", id, "--bundle", path(id)};
    options.fds = {-1, -1, -1, pair.theirs.get(), own_runtime ? sealed_runtime() : -1};
    options.new_session = true;
    options.orphan = true;
    if (auto started = sys::spawn(options); !started)
        return Failure(std::move(started.error()).in("start shim"));
    return std::move(pair.ours);
}

Result<sys::ChildProcess> BundleStore::start_reaper(const std::string& id, const std::string& reason) const {
    sys::SpawnOptions options;
    options.argv = {config_.shim_path, "--id", id, "--bundle", path(id), "--reap", reason};
    options.new_session = true;
    return sys::spawn(options);
}

}  // namespace berth::supervisor
