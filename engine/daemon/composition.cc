#include "engine/daemon/composition.h"

#include <filesystem>

#include "engine/api/event_routes.h"
#include "engine/api/network_routes.h"
#include "engine/api/system_routes.h"
#include "engine/api/volume_routes.h"
#include "engine/async/blocking_pool.h"
#include "engine/base/log.h"
#include "engine/confine/copy_tree.h"
#include "engine/daemon/instance.h"
#include "engine/daemon/system_service.h"
#include "engine/events/bus.h"
#include "engine/state/database.h"
#include "network/network_service.h"
#include "volumes/volume_service.h"

namespace berth::daemon {

namespace {

// Blocking work is short, and each thread costs memory while it lives.
constexpr std::size_t kPoolThreads = 8;

network::NetworkConfig network_config(const Config& config) {
    network::NetworkConfig out;
    if (!config.bridge.empty()) out.bridge = config.bridge;
    out.bip = config.bip;
    out.address_pools = config.address_pools;
    out.mtu = config.mtu;
    out.iptables = config.iptables;
    out.ip_forward = config.ip_forward;
    out.ip_masq = config.ip_masq;
    out.icc = config.icc;
    out.default_host_ip = config.default_host_ip;
    out.dns = config.dns;
    out.dns_search = config.dns_search;
    out.dns_options = config.dns_options;
    out.state_dir = config.exec_root;
    return out;
}

// The other programs of the house lie beside this one.
std::string program_path(const char* name) {
    std::error_code error;
    return (std::filesystem::read_symlink("/proc/self/exe", error).parent_path() / name).string();
}

volumes::VolumeConfig volume_config(const Config& config) {
    confine::HelperOptions helper;
    helper.path = program_path("berth-helper");
    auto copy = [helper](int source_fd, int target_fd) -> Result<> {
        BERTH_CHECK(confine::copy_tree(helper, source_fd, target_fd));
        return {};
    };
    return {config.data_root + "/volumes", std::move(copy)};
}

Result<std::unique_ptr<state::Database>> open_database(const Config& config) {
    const state::Schema schemas[] = {network::kSchema, volumes::kSchema};
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
    Parts(IoContext& io, const Config& config) : config(config), pool(kPoolThreads), events(io) {}

    const Config& config;
    async::BlockingPool pool;
    events::Bus events;
    std::unique_ptr<state::Database> database;
    std::unique_ptr<network::NetworkService> networks;
    std::unique_ptr<volumes::VolumeService> volumes;
    std::unique_ptr<System> system;
    api::Router router;

    Result<> open_services();
    Result<> add_routes();
};

Result<> Composition::Parts::open_services() {
    BERTH_TRY(database, open_database(config));
    BERTH_TRY(networks, network::open_network_service(network_config(config), *database, events));
    BERTH_TRY(volumes, volumes::open_volume_service(volume_config(config), *database, events));
    return {};
}

Result<> Composition::Parts::add_routes() {
    Counters counters;
    counters.event_listeners = [this] { return events.listeners(); };
    BERTH_TRY(auto id, engine_id(config.data_root));
    system = std::make_unique<System>(config, std::move(id), std::move(counters));
    api::add_system_routes(router, *system);
    api::add_event_routes(router, events);
    api::add_network_routes(router, *networks);
    api::add_volume_routes(router, *volumes, events, pool);
    return {};
}

Composition::Composition(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

Composition::~Composition() = default;

Result<std::unique_ptr<Composition>> Composition::build(IoContext& io, const Config& config) {
    auto parts = std::make_unique<Parts>(io, config);
    BERTH_CHECK(parts->open_services());
    BERTH_CHECK(parts->add_routes());
    return std::unique_ptr<Composition>(new Composition(std::move(parts)));
}

Async<Result<>> Composition::recover() {
    auto& networks = *parts_->networks;
    auto recovered = co_await parts_->pool.run([&networks] { return networks.recover({}); });
    co_return in("failed to bring up the network", std::move(recovered));
}

Async<void> Composition::stop() { co_return; }

api::Router& Composition::router() { return parts_->router; }

}  // namespace berth::daemon
