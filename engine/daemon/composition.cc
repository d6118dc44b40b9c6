#include "engine/daemon/composition.h"

#include "engine/api/system_routes.h"
#include "engine/async/blocking_pool.h"
#include "engine/daemon/instance.h"
#include "engine/daemon/system_service.h"

namespace berth::daemon {

namespace {
// Blocking work is short, and each thread costs memory while it lives.
constexpr std::size_t kPoolThreads = 8;
}  // namespace

// Destroyed last to first: a part goes before what it refers to.
struct Composition::Parts {
    Parts(IoContext& io, const Config& config) : io(io), config(config), pool(kPoolThreads) {}

    IoContext& io;
    const Config& config;
    async::BlockingPool pool;
    std::unique_ptr<System> system;
    api::Router router;
};

Composition::Composition(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

Composition::~Composition() = default;

Result<std::unique_ptr<Composition>> Composition::build(IoContext& io, const Config& config) {
    auto parts = std::make_unique<Parts>(io, config);
    BERTH_TRY(auto id, engine_id(config.data_root));
    parts->system = std::make_unique<System>(config, std::move(id), Counters{});
    api::add_system_routes(parts->router, *parts->system);
    return std::unique_ptr<Composition>(new Composition(std::move(parts)));
}

Async<Result<>> Composition::recover() { co_return Result<>(); }

Async<void> Composition::stop() { co_return; }

api::Router& Composition::router() { return parts_->router; }

}  // namespace berth::daemon
