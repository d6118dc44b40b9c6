#include "engine/daemon/composition.h"

#include <unistd.h>

#include <algorithm>
#include <optional>

#include "engine/api/container_routes.h"
#include "engine/api/event_routes.h"
#include "engine/api/exec_routes.h"
#include "engine/api/file_routes.h"
#include "engine/api/image_routes.h"
#include "engine/api/network_routes.h"
#include "engine/api/registry_routes.h"
#include "engine/api/system_routes.h"
#include "engine/api/usage_routes.h"
#include "engine/api/volume_routes.h"
#include "engine/async/blocking_pool.h"
#include "engine/async/gate.h"
#include "engine/async/race.h"
#include "engine/base/files.h"
#include "engine/base/log.h"
#include "engine/container/container_services.h"
#include "engine/container/store.h"
#include "engine/content/content_store.h"
#include "engine/daemon/instance.h"
#include "engine/daemon/service_settings.h"
#include "engine/daemon/system_service.h"
#include "engine/events/bus.h"
#include "engine/events/journal.h"
#include "engine/image/image_service.h"
#include "engine/plugins/authorization.h"
#include "engine/snapshot/snapshotter.h"
#include "engine/spec/container_spec.h"
#include "engine/state/database.h"
#include "engine/supervisor/task_service.h"
#include "engine/sys/boot.h"
#include "network/network_service.h"
#include "registry/registry_service.h"
#include "volumes/volume_service.h"

namespace berth::daemon {

namespace {

// Blocking work is short, and each thread costs memory while it lives.
constexpr std::size_t kPoolThreads = 8;
// These may all wait for somebody who is slow to answer.
constexpr std::size_t kMountThreads = 16;
// Uploads last as long as their clients.
constexpr std::size_t kTransferThreads = 8;

// The companions lie beside this binary.
Result<std::string> own_folder() {
    std::string path(4096, '\0');
    const ssize_t size = ::readlink("/proc/self/exe", path.data(), path.size());
    if (size <= 0) return fail_errno("readlink /proc/self/exe");
    path.resize(static_cast<std::size_t>(size));
    return path.substr(0, path.rfind('/'));
}

Result<std::string> companion(const std::string& folder, const std::string& name) {
    std::string path = folder + "/" + name;
    if (::access(path.c_str(), X_OK) != 0) return fail_errno(name + " must lie beside berthd: " + path);
    return path;
}

Result<std::unique_ptr<state::Database>> open_database(const Config& config) {
    const state::Schema schemas[] = {snapshot::kSchema, image::kSchema, volumes::kSchema, network::kSchema,
                                     container::kSchema};
    BERTH_TRY(auto opened, state::open_or_replace(config.data_root + "/berth.db", schemas));
    if (!opened.damaged_file.empty()) {
        log::error("the database was damaged: it is rebuilt from the copies beside the objects",
                   {{"kept", opened.damaged_file}});
    }
    return std::move(opened.database);
}

}  // namespace

// Destroyed last to first: a part goes before what it refers to.
struct Composition::Parts {
    Parts(IoContext& io, const Config& config)
        : io(io),
          config(config),
          pool(kPoolThreads),
          mount_pool(kMountThreads),
          events(io),
          guards(io, pool, plugins::PluginDirectory(plugin_folders(config))) {}

    IoContext& io;
    const Config& config;
    async::BlockingPool pool, mount_pool;
    async::BlockingPool transfers{kTransferThreads};
    // What registries send never waits for what clients do.
    async::BlockingPool downloads{kTransferThreads};
    std::unique_ptr<state::Database> database;
    std::unique_ptr<events::Journal> journal;  // before the bus, whose end gives it the last events
    events::Bus events;
    std::unique_ptr<content::ContentStore> content;
    std::unique_ptr<snapshot::Snapshotter> snapshots;
    std::unique_ptr<image::ImageService> images;
    std::unique_ptr<volumes::VolumeService> volumes;
    std::unique_ptr<network::NetworkService> networks;
    std::unique_ptr<supervisor::TaskService> tasks;
    std::unique_ptr<container::ContainerServices> containers;
    std::unique_ptr<registry::RegistryService> registry;
    std::string engine_id;
    std::unique_ptr<System> system;
    plugins::AuthorizationPlugins guards;
    api::Router router;

    Result<> open_stores();
    Result<> open_services();
    Result<> add_routes();
    Counters counters();
};

Result<> Composition::Parts::open_stores() {
    BERTH_TRY(database, open_database(config));
    BERTH_TRY(journal, events::Journal::open(config.data_root + "/events.log", pool));
    BERTH_TRY(auto past, journal->read(events::Bus::kHistory));
    events.restore(std::move(past));
    events.record_with([this](const events::Event& event) { journal->record(event); });
    BERTH_TRY(content, content::open_content_store(config.data_root + "/content"));
    BERTH_TRY(auto boot, sys::boot_id());
    BERTH_TRY(snapshots, snapshot::open_overlay_snapshotter(config.data_root, *database, std::move(boot),
                                                            config.ids.root()));
    return {};
}

Result<> Composition::Parts::open_services() {
    BERTH_TRY(auto folder, own_folder());
    BERTH_TRY(auto helper, companion(folder, "berth-helper"));
    BERTH_TRY(images, image::open_image_service(
                          {*content, *snapshots, *database, events, config.data_root, helper, config.ids}));
    BERTH_TRY(volumes, volumes::open_volume_service(volume_config(io, config, helper), *database, events));
    auto networking = network_config(config);
    BERTH_TRY(networking.netd_path, companion(folder, "berth-netd"));
    BERTH_TRY(networks, network::open_network_service(std::move(networking), *database, events));
    supervisor::SupervisorConfig supervision;
    supervision.state_dir = config.exec_root;
    supervision.walkers = config.ids.root().gid;
    BERTH_TRY(supervision.shim_path, companion(folder, "berth-shim"));
    BERTH_TRY(supervision.runtime_path, companion(folder, "berth-runtime"));
    tasks = supervisor::make_task_service(io, std::move(supervision));
    BERTH_TRY(auto init, companion(folder, "berth-init"));
    BERTH_TRY(auto settings, container_config(config, init));
    settings.helper_path = helper;
    BERTH_TRY(containers,
              container::open_container_services({io, pool, mount_pool, *database, events, *tasks, *images,
                                                  *snapshots, *volumes, *networks, settings}));
    return {};
}

namespace {

Async<Result<types::ContainerCounts>> count_containers(container::ContainerInspector& inspector) {
    auto counts = inspector.counts();
    co_return types::ContainerCounts{counts.running, counts.paused, counts.stopped};
}

Async<Result<int>> count_images(async::BlockingPool& pool, image::ImageService& images) {
    auto list = co_await pool.run([&images] { return images.list(); });
    if (!list) co_return Failure(std::move(list.error()));
    co_return static_cast<int>((*list)->size());
}

}  // namespace

Counters Composition::Parts::counters() {
    Counters out;
    out.containers = [this] { return count_containers(containers->inspector()); };
    out.images = [this] { return count_images(pool, *images); };
    out.event_listeners = [this] { return events.listeners(); };
    out.firewall = [this] { return networks->firewall(); };
    return out;
}

Result<> Composition::Parts::add_routes() {
    BERTH_TRY(engine_id, daemon::engine_id(config.data_root));
    system = std::make_unique<System>(config, engine_id, counters());
    guards.use(config.authorization_plugins);
    router.guard_with(guards);
    api::add_system_routes(router, *system);
    api::add_event_routes(router, events);
    api::add_network_routes(router, *networks, containers->networks(), pool);
    api::add_volume_routes(router, *volumes, events, mount_pool);
    api::add_usage_routes(router, {containers->inspector(), *images, *volumes, pool});
    api::add_container_routes(router, *containers);
    api::add_file_routes(router, containers->files(), io);
    api::add_exec_routes(router, containers->execs());
    auto announce = [this](const char* action, const oci::Reference& image) {
        events::Event event{
            .type = "image", .action = action, .actor_id = image.familiar(), .attributes = {}};
        if (auto found = images->resolve(image.text())) event.attributes = std::move(found->run.labels);
        event.attributes["name"] = image.familiar_name();
        events.publish(std::move(event));
    };
    registry = registry::make_registry_service(
        {io, downloads, *content, *images, registry_settings(config), std::move(announce)});
    api::add_registry_routes(router, *registry);
    api::add_image_routes(router, {io, *images, *registry, events, pool, transfers,
                                   [this] { return containers->inspector().image_users(); }});
    return {};
}

Composition::Composition(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

Composition::~Composition() = default;

Result<std::unique_ptr<Composition>> Composition::build(IoContext& io, const Config& config) {
    auto parts = std::make_unique<Parts>(io, config);
    BERTH_CHECK(parts->open_stores());
    BERTH_CHECK(parts->open_services());
    BERTH_CHECK(parts->add_routes());
    return std::unique_ptr<Composition>(new Composition(std::move(parts)));
}

// Containers know best: their recovery asks the supervisor for what lives and tells the network.
Async<Result<>> Composition::recover() {
    auto recovered = co_await parts_->containers->recover();
    if (!recovered) co_return in("failed to recover containers", std::move(recovered));
    // Not before: a plugin may live in a container.
    auto greeted = co_await parts_->guards.greet_all();
    co_return in("failed to validate authorization plugin", std::move(greeted));
}

namespace {

Async<void> stop_one(container::ContainerLifecycle& lifecycle, std::string id) {
    container::StopOptions options;
    auto stopped = co_await lifecycle.stop(id, options);
    if (!stopped)
        log::warning("cannot stop container", {{"container", id}, {"error", stopped.error().message}});
}

// Long enough for each container's own time to stop; nothing: for ever.
std::optional<std::chrono::seconds> shutdown_limit(const Config& config,
                                                   container::ContainerInspector& inspector) {
    constexpr std::int64_t kUsual = 10, kGrace = 5;
    if (config.shutdown_timeout < 0) return {};
    std::int64_t limit = config.shutdown_timeout;
    for (const auto& user : inspector.image_users()) {
        if (!user.running) continue;
        auto found = inspector.find(user.container_id);
        if (!found) continue;
        const std::int64_t own = (*found)->config.stop_timeout.value_or(kUsual);
        if (own < 0) return {};
        limit = std::max(limit, own + kGrace);
    }
    return std::chrono::seconds(limit);
}

Async<Result<>> wait_for(async::Gate& gate) {
    co_await gate.close();
    co_return Result<>();
}

}  // namespace

Async<void> Composition::stop_containers() {
    if (parts_->config.live_restore) co_return;
    parts_->containers->begin_shutdown();
    async::Gate stopping(parts_->io);
    for (const auto& user : parts_->containers->inspector().image_users()) {
        if (user.running) stopping.spawn(stop_one(parts_->containers->lifecycle(), user.container_id));
    }
    auto all = wait_for(stopping);
    auto limit = shutdown_limit(parts_->config, parts_->containers->inspector());
    if (!limit) {
        (void)co_await std::move(all);
        co_return;
    }
    auto ended = co_await async::with_deadline(*limit, "stopping containers", std::move(all));
    if (!ended) stopping.cancel();
    co_await stopping.close();
}

void Composition::apply(std::map<std::string, std::string> changed) {
    const auto defaults = container_defaults(parts_->config, spec::host_facts().cgroup_v2);
    parts_->containers->set_defaults(defaults);
    parts_->registry->configure(registry_settings(parts_->config));
    parts_->guards.use(parts_->config.authorization_plugins);
    changed["default-cgroupns-mode"] = defaults.cgroupns_mode;
    changed["name"] = parts_->system->host_name();
    events::Event event;
    event.type = "daemon";
    event.action = "reload";
    event.actor_id = parts_->engine_id;
    event.attributes = std::move(changed);
    parts_->events.publish(std::move(event));
}

Async<void> Composition::close() {
    co_await parts_->containers->close();
}

api::Router& Composition::router() {
    return parts_->router;
}

}  // namespace berth::daemon
