#include "engine/container/removal.h"

#include "engine/base/files.h"
#include "engine/base/log.h"
#include "engine/container/mounting.h"

namespace berth::container {

namespace {

void report(const char* what, const std::string& id, const Result<>& result) {
    if (result || result.error().kind == ErrorKind::kNotFound) return;
    log::warning(what, {{"container", id}, {"error", result.error().message}});
}

}  // namespace

void remove_remains(Core& core, const std::string& id) {
    report("cannot remove a container's file system", id, core.parts.snapshots.remove(id));
    remove_image_layers(core, id);
    report("cannot release a container's volumes", id, core.parts.volumes.release(id));
    report("cannot remove a container's folder", id, remove_tree(core.store.folder(id)));
}

Async<Result<>> remove_stopped(Core& core, std::string id, bool volumes) {
    ContainerPtr container = core.store.get(id);
    if (!container) co_return Result<>();
    State removing = container->state;
    removing.status = Status::kRemoving;
    core.store.set_state(id, removing);
    auto erased = co_await core.store.erase(id);
    if (!erased) {
        removing.status = Status::kDead;
        core.store.set_state(id, removing);
        co_return erased;
    }
    auto work = [&core, container, volumes] {
        remove_remains(core, container->id);
        if (!volumes) return;
        for (const auto& mount : container->mounts) {
            if (mount.anonymous && core.parts.volumes.users(mount.name).empty()) {
                report("cannot remove an anonymous volume", container->id,
                       core.parts.volumes.remove(mount.name, true));
            }
        }
    };
    co_await core.parts.pool.run(std::move(work));
    core.hub.abandon(id);
    core.publish(*container, "destroy");
    core.waits.removed(id, container->state.exit_code);
    co_return Result<>();
}

}  // namespace berth::container
