#include "engine/container/create_transaction.h"

#include <unistd.h>

#include "engine/base/files.h"
#include "engine/base/ids.h"
#include "engine/container/create_checks.h"
#include "engine/container/health.h"
#include "engine/container/mount_points.h"
#include "engine/container/mounting.h"
#include "engine/container/names.h"
#include "engine/container/networking.h"
#include "engine/container/ports.h"
#include "engine/container/references.h"
#include "engine/container/removal.h"

namespace berth::container {

namespace {

Result<std::string> take_name(Store& store, const std::string& wanted, const std::string& id) {
    if (!wanted.empty()) {
        BERTH_TRY(auto name, check_name(wanted));
        BERTH_CHECK(store.reserve_name(name, id));
        return name;
    }
    for (int attempt = 0; attempt < 6; ++attempt) {
        std::string name = random_name(attempt);
        if (store.reserve_name(name, id)) return name;
    }
    std::string name(short_id(id));
    BERTH_CHECK(store.reserve_name(name, id));
    return name;
}

void set_command(Container& container) {
    std::vector<std::string> command;
    if (container.config.entrypoint) command = *container.config.entrypoint;
    if (container.config.cmd)
        command.insert(command.end(), container.config.cmd->begin(), container.config.cmd->end());
    container.path = command.front();
    container.args.assign(command.begin() + 1, command.end());
}

// Everything that needs no other container: on the pool, before the name is taken.
Result<Container> build(const Core& core, CreateRequest& request, References& references,
                        const Created& created) {
    Container container;
    container.id = created.id;
    container.created_at = now();
    if (!request.config.image.empty()) {
        BERTH_TRY(auto image, core.parts.images.resolve(request.config.image, request.platform));
        BERTH_CHECK(merge_image(request.config, image.run));
        container.image_id = image.id.text();
        container.manifest_id = image.manifest.text();
        container.snapshot_parent = image.top;
        container.os = image.platform.os;
        container.architecture = image.platform.architecture;
        BERTH_CHECK(merge_health(request.config, image.run.healthcheck_json));
    } else {
        BERTH_CHECK(merge_image(request.config, image::RunConfig()));
    }
    BERTH_CHECK(normalise_ports(request.config, request.host));
    const MountContext context{core.parts.config.data_root, std::move(references.mounts)};
    BERTH_TRY(container.mounts, plan_mounts(request.config, request.host, context));
    container.links = std::move(references.links);
    container.network = request.host.network_mode;
    if (container.network == "host") {
        char name[256] = {};
        if (request.config.hostname.empty() && ::gethostname(name, sizeof name - 1) == 0)
            request.config.hostname = name;
    } else if (request.config.hostname.empty() && !container.network.starts_with("container:")) {
        request.config.hostname = short_id(created.id);
    }
    if (!request.config.network_disabled) container.endpoints = std::move(request.endpoints);
    if (auto own = container.endpoints.find(container.network); own != container.endpoints.end()) {
        if (own->second.mac_address.empty()) own->second.mac_address = request.config.mac_address;
    }
    BERTH_CHECK(check_endpoints(core, container));
    container.config = std::move(request.config);
    container.host = std::move(request.host);
    set_command(container);
    return container;
}

// A container on its way to disk.
struct Parts {
    Container container;
    snapshot::Staged root;
};

// What lies on disk before the record does. On the pool.
Result<> make_parts(const Core& core, Parts& parts) {
    Container& container = parts.container;
    BERTH_CHECK(make_folders(core.store.folder(container.id), 0710));
    BERTH_TRY(parts.root, core.parts.snapshots.stage(container.id, container.snapshot_parent));
    std::size_t index = 0;
    for (auto& mount : container.mounts) {
        if (mount.type == "volume") BERTH_CHECK(acquire_volume(core, container.id, mount));
        if (mount.type == "image") BERTH_CHECK(acquire_image(core, container.id, index, mount));
        ++index;
    }
    return {};
}

Async<void> take_back(Core& core, std::shared_ptr<Parts> parts) {
    (void)co_await core.store.erase(parts->container.id);
    auto work = [&core, parts] {
        remove_remains(core, parts->container.id);
        if (parts->root.number != 0) (void)core.parts.snapshots.leave(parts->root).has_value();
        for (const auto& mount : parts->container.mounts) {
            if (mount.anonymous && !mount.name.empty()) (void)core.parts.volumes.remove(mount.name, true);
        }
    };
    co_await core.parts.pool.run(std::move(work));
}

}  // namespace

Async<Result<Created>> run_create(Core& core, CreateRequest request) {
    Created created;
    BERTH_CO_CHECK(check_and_complete(request, core.parts.config, created.warnings));
    BERTH_CO_TRY(auto references, resolve_references(core.store, request.host));
    created.id = new_id();
    if (!request.name.empty()) {
        BERTH_CO_CHECK(check_name(request.name));
    }
    auto build_work = [&core, &request, &references, &created] {
        return build(core, request, references, created);
    };
    BERTH_CO_TRY(Container built, co_await core.parts.pool.run(std::move(build_work)));
    auto parts = std::make_shared<Parts>(Parts{std::move(built), {}});
    Container& container = parts->container;
    if (auto other = core.store.find(joined_ref(container.network)))
        container.config.hostname = (*other)->config.hostname;
    BERTH_CO_TRY(container.name, take_name(core.store, request.name, created.id));
    auto parts_work = [&core, parts] { return make_parts(core, *parts); };
    auto done = co_await core.parts.mount_pool.run(std::move(parts_work));
    if (done) {
        auto enter_root = [&core, parts](state::Connection& connection) {
            return core.parts.snapshots.enter(connection, parts->root);
        };
        done = co_await core.store.add(container, std::move(enter_root));
    }
    if (!done) {
        co_await take_back(core, parts);
        core.store.release_name(container.name, created.id);
        co_return Failure(std::move(done.error()));
    }
    core.publish(container, "create");
    co_return created;
}

}  // namespace berth::container
