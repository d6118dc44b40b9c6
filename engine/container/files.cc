#include "engine/container/files.h"

#include <fcntl.h>

#include <nlohmann/json.hpp>

#include "engine/base/clean_path.h"
#include "engine/base/files.h"
#include "engine/container/commit.h"
#include "engine/container/file_run.h"
#include "engine/container/layers.h"
#include "engine/container/mounting.h"
#include "engine/container/root_mounts.h"
#include "engine/container/scaffold.h"
#include "engine/spec/user_lookup.h"
#include "engine/sys/mount.h"

namespace berth::container {

namespace {

using nlohmann::json;
using Guard = std::optional<async::KeyLock::Guard>;

// Cleaned, but for a "/" or "/." at the end, which say something.
std::string path_of(const std::string& text) {
    std::string out = clean_path("/" + text);
    if (text == "." || text.ends_with("/.")) return out == "/" ? "/." : out + "/.";
    return text.ends_with('/') && out != "/" ? out + "/" : out;
}

struct Opened {
    ContainerPtr container;
    Guard guard;
    confine::FileView view;
};

Result<confine::FileView> view_of_running(const Container& container) {
    confine::FileView view;
    std::string path = "/proc/" + std::to_string(container.state.pid) + "/ns/mnt";
    BERTH_TRY(view.mount_namespace, open_file(path, O_RDONLY));
    return view;
}

// Mounts that have no path yet, since there is no shim that put them there, by their number.
void name_handed(const Core& core, const std::string& id, confine::FileView& view) {
    for (std::size_t i = 0; i < view.handed.size(); ++i) {
        const std::string place = supervisor::handed_mount_path(core.parts.config.state_root, id, i);
        for (sys::Mount& mount : view.mounts) {
            if (mount.source != place && !mount.source.starts_with(place + "/")) continue;
            mount.type = "handed";
            mount.source.replace(0, place.size(), std::to_string(i));
        }
    }
}

Result<confine::FileView> view_of_stopped(const Core& core, const Container& container) {
    confine::FileView view;
    BERTH_TRY(auto root, root_mount(core, container.id));
    BERTH_TRY(view.root, sys::mount_detached(root));
    view.read_only_root = container.host.readonly_rootfs;
    // A tmpfs is empty while nothing runs. All keep their places: an image's layers go by them.
    auto left_out = [](const MountPoint& mount) { return mount.type == "tmpfs"; };
    Container here = container;
    for (MountPoint& mount : here.mounts)
        if (mount.type == "bind" && !exists(mount.source)) mount.type = "tmpfs";
    BERTH_TRY(auto prepared, prepare_mounts(core, here, view.root.get()));
    std::erase_if(prepared.mounts, left_out);
    BERTH_TRY(view.mounts, root_mounts(core, container, prepared.mounts));
    view.handed = std::move(prepared.handed);
    name_handed(core, container.id, view);
    return view;
}

Failure no_container(const std::string& ref) {
    return fail(ErrorKind::kNotFound, "No such container: " + ref);
}

// The container's view. One that does not run stays so as long as the guard is held.
Async<Result<Opened>> open_view(Core& core, std::string ref) {
    Opened opened;
    BERTH_CO_TRY(opened.container, core.store.find(ref));
    const std::string id = opened.container->id;
    if (!opened.container->state.live()) {
        BERTH_CO_TRY(auto guard, co_await core.locks.lock(id));
        opened.guard.emplace(std::move(guard));
        opened.container = core.store.get(id);
        if (!opened.container) co_return no_container(ref);
    }
    if (opened.container->state.live()) {
        opened.guard.reset();
        BERTH_CO_TRY(opened.view, view_of_running(*opened.container));
        // The number may be another process's by now.
        auto again = core.store.get(id);
        if (again && again->state.live() && again->state.pid == opened.container->state.pid) co_return opened;
        co_return fail(ErrorKind::kConflict, "container " + id + " has just ended");
    }
    auto container = opened.container;
    auto work = [&core, container] {
        auto view = view_of_stopped(core, *container);
        if (!view) unmount_volumes(core, container->id);
        return view;
    };
    BERTH_CO_TRY(opened.view, co_await core.parts.mount_pool.run(std::move(work)));
    co_return opened;
}

Result<PathStat> parse_stat(const confine::Fields& fields) {
    if (fields.size() != 7 || fields[0] != "stat")
        return fail(ErrorKind::kInternal, "berth-helper: unexpected answer");
    PathStat out;
    out.name = fields[1];
    out.size = std::strtoll(fields[2].c_str(), nullptr, 10);
    out.mode = static_cast<std::uint32_t>(std::strtoul(fields[3].c_str(), nullptr, 10));
    out.mtime = Timestamp(std::chrono::seconds(std::strtoll(fields[4].c_str(), nullptr, 10)) +
                          std::chrono::nanoseconds(std::strtoll(fields[5].c_str(), nullptr, 10)));
    out.link_target = fields[6];
    return out;
}

// Docker names the path and the container as they were asked for.
Failure about_path(Error error, const std::string& path, const std::string& ref) {
    if (error.sys_errno != ENOENT) return Failure(std::move(error));
    return fail(ErrorKind::kNotFound, "Could not find the file " + path + " in container " + ref);
}

class Files final : public ContainerFiles {
 public:
    explicit Files(Core& core)
        : core_(core), options_{.path = core.parts.config.helper_path, .ids = core.parts.config.ids} {}

    Async<Result<PathStat>> stat(std::string ref, std::string path) override;
    Async<Result<Archive>> archive(std::string ref, std::string path) override;
    Async<Result<bool>> extract(std::string ref, ExtractRequest request, TarInput tar) override;
    Async<Result<std::unique_ptr<FileStream>>> export_root(std::string ref) override;
    Async<Result<std::string>> changes(std::string ref) override;
    Async<Result<std::string>> commit(std::string ref, CommitOptions options) override {
        return run_commit(core_, std::move(ref), std::move(options));
    }

 private:
    using Start = std::function<Result<confine::FileTask>(const confine::FileView& view)>;
    Async<Result<std::unique_ptr<FileRun>>> start(Opened opened, Start start);

    Core& core_;
    confine::HelperOptions options_;
};

Async<Result<std::unique_ptr<FileRun>>> Files::start(Opened opened, Start start) {
    const std::string id = opened.container->id;
    auto work = [this, &opened, &start, &id] {
        auto task = start(opened.view);
        if (!task && opened.guard) unmount_volumes(core_, id);
        return task;
    };
    auto task = co_await core_.parts.mount_pool.run(std::move(work));
    if (!task) co_return Failure(std::move(task.error()));
    co_return std::make_unique<FileRun>(core_, std::move(*task), std::move(opened.guard), id);
}

Async<Result<PathStat>> Files::stat(std::string ref, std::string path) {
    BERTH_CO_TRY(auto opened, co_await open_view(core_, ref));
    std::string clean = path_of(path);
    Start begin = [this, clean](const confine::FileView& view) {
        return confine::FileTask::stat(options_, view, clean);
    };
    BERTH_CO_TRY(auto run, co_await start(std::move(opened), std::move(begin)));
    auto first = co_await run->record();
    if (!first) co_return about_path(std::move(first.error()), path, ref);
    co_return parse_stat(*first);
}

Async<Result<ContainerFiles::Archive>> Files::archive(std::string ref, std::string path) {
    BERTH_CO_TRY(auto opened, co_await open_view(core_, ref));
    auto container = opened.container;
    std::string clean = path_of(path);
    Start begin = [this, clean](const confine::FileView& view) {
        return confine::FileTask::archive(options_, view, clean);
    };
    BERTH_CO_TRY(auto run, co_await start(std::move(opened), std::move(begin)));
    auto first = co_await run->record();
    if (!first) co_return about_path(std::move(first.error()), path, ref);
    Archive out;
    BERTH_CO_TRY(out.stat, parse_stat(*first));
    out.tar = make_file_stream(std::move(run));
    core_.publish(*container, "archive-path");
    co_return out;
}

Async<Result<bool>> Files::extract(std::string ref, ExtractRequest request, TarInput tar) {
    BERTH_CO_TRY(auto opened, co_await open_view(core_, ref));
    auto container = opened.container;
    confine::FileTask::Extraction extraction{.keep_kinds = request.keep_kinds, .owner = {}};
    const std::string user = request.container_owner ? container->config.user : "";
    Start begin = [&](const confine::FileView& view) -> Result<confine::FileTask> {
        if (!user.empty()) {
            // Of a container that runs, /etc/passwd is read where its processes read it.
            UniqueFd root;
            if (view.mount_namespace) {
                BERTH_TRY(root, open_file("/proc/" + std::to_string(container->state.pid) + "/root",
                                          O_PATH | O_DIRECTORY));
            }
            BERTH_TRY(auto found, spec::look_up_user(root ? root.get() : view.root.get(), user));
            BERTH_TRY(const Owner owner, options_.ids.outside({found.user.uid, found.user.gid}));
            extraction.owner = {owner.uid, owner.gid};
        }
        return confine::FileTask::extract(options_, view, path_of(request.path), extraction, tar);
    };
    BERTH_CO_TRY(auto run, co_await start(std::move(opened), std::move(begin)));
    tar.fd.reset();
    auto done = co_await run->record();
    if (!done) co_return about_path(std::move(done.error()), request.path, ref);
    core_.publish(*container, "extract-to-dir");
    co_return done->size() == 4 && (*done)[2] == "0";
}

Async<Result<std::unique_ptr<FileStream>>> Files::export_root(std::string ref) {
    BERTH_CO_TRY(auto opened, co_await open_view(core_, ref));
    auto container = opened.container;
    // The image's files and the container's own, without what is mounted on them.
    opened.view.mounts.clear();
    Start begin = [this](const confine::FileView& view) {
        return confine::FileTask::export_root(options_, view);
    };
    BERTH_CO_TRY(auto run, co_await start(std::move(opened), std::move(begin)));
    core_.publish(*container, "export");
    co_return make_file_stream(std::move(run));
}

Async<Result<std::string>> Files::changes(std::string ref) {
    BERTH_CO_TRY(auto container, core_.store.find(ref));
    Opened opened{container, {}, {}};
    Start begin = [this, container](const confine::FileView&) -> Result<confine::FileTask> {
        BERTH_TRY(auto layers, layers_of(core_, *container));
        return confine::FileTask::changes(options_, layers);
    };
    BERTH_CO_TRY(auto run, co_await start(std::move(opened), std::move(begin)));
    // There may be very many: no tree of them is built.
    std::string out;
    for (;;) {
        BERTH_CO_TRY(auto fields, co_await run->record());
        if (fields.size() != 3 || fields[0] != "change") break;
        // The helper is not trusted with the text of an answer.
        if (fields[1].size() != 1 || fields[1].find_first_of("012") != 0)
            co_return fail(ErrorKind::kInternal, "berth-helper: unexpected answer");
        out += (out.empty() ? "[{\"Path\":" : ",{\"Path\":") +
               json(fields[2]).dump(-1, ' ', false, json::error_handler_t::replace) +
               ",\"Kind\":" + fields[1] + "}";
    }
    co_return out.empty() ? "null" : out + "]";
}

}  // namespace

std::unique_ptr<ContainerFiles> make_files(Core& core) {
    return std::make_unique<Files>(core);
}

}  // namespace berth::container
