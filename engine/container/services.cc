#include "engine/base/log.h"
#include "engine/container/commit.h"
#include "engine/container/container_services.h"
#include "engine/container/core.h"
#include "engine/container/execs.h"
#include "engine/container/files.h"
#include "engine/container/health.h"
#include "engine/container/inspector.h"
#include "engine/container/lifecycle.h"
#include "engine/container/networking.h"
#include "engine/container/recovery.h"
#include "engine/container/scaffold.h"
#include "engine/container/stats.h"
#include "engine/container/streams.h"

namespace berth::container {

namespace {

class Services final : public ContainerServices {
 public:
    explicit Services(ContainerParts parts)
        : core_(std::move(parts)),
          lifecycle_(make_lifecycle(core_)),
          streams_(make_streams(core_)),
          networks_(make_networks(core_)),
          execs_(make_execs(core_)),
          stats_(make_stats(core_)),
          files_(make_files(core_)),
          inspector_(make_inspector(core_, *execs_)) {}

    Result<> load() {
        core_.parts.tasks.on_health([this](const std::string& id, const supervisor::Health& health) {
            note_health(core_, id, health);
        });
        const auto& config = core_.parts.config;
        // A full disk keeps nobody from removing things.
        if (auto laid = lay_scaffold(config.data_root, config.ids.root()); !laid)
            log::warning("containers' roots lack what Docker has in them", {{"error", laid.error().message}});
        BERTH_TRY(remains_, core_.store.load());
        return {};
    }
    ContainerLifecycle& lifecycle() override { return *lifecycle_; }
    ContainerInspector& inspector() override { return *inspector_; }
    ContainerStreams& streams() override { return *streams_; }
    ContainerNetworks& networks() override { return *networks_; }
    ContainerExecs& execs() override { return *execs_; }
    ContainerStats& stats() override { return *stats_; }
    ContainerFiles& files() override { return *files_; }
    Async<Result<>> recover() override { return run_recovery(core_, std::move(remains_)); }
    void set_defaults(ContainerDefaults defaults) override {
        core_.parts.config.defaults = std::move(defaults);
    }
    void begin_shutdown() override { core_.shutting_down = true; }
    Async<void> close() override {
        co_await release_held(core_);
        core_.gate.cancel();
        co_await core_.gate.close();
    }

 private:
    Core core_;
    std::vector<std::string> remains_;
    std::unique_ptr<ContainerLifecycle> lifecycle_;
    std::unique_ptr<ContainerStreams> streams_;
    std::unique_ptr<ContainerNetworks> networks_;
    std::unique_ptr<ContainerExecs> execs_;
    std::unique_ptr<ContainerStats> stats_;
    std::unique_ptr<ContainerFiles> files_;
    std::unique_ptr<ContainerInspector> inspector_;
};

}  // namespace

Result<std::unique_ptr<ContainerServices>> open_container_services(ContainerParts parts) {
    auto services = std::make_unique<Services>(std::move(parts));
    BERTH_CHECK(services->load());
    return std::unique_ptr<ContainerServices>(std::move(services));
}

}  // namespace berth::container
