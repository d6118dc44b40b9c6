#include "engine/container/inspector.h"

#include <map>
#include <nlohmann/json.hpp>

#include "engine/container/inspect_json.h"
#include "engine/container/list_entry.h"
#include "engine/container/list_filters.h"

namespace berth::container {

namespace {

class Inspector final : public ContainerInspector {
 public:
    Inspector(Core& core, const ContainerExecs& execs) : core_(core), execs_(execs) {}

    Result<ContainerPtr> find(const std::string& ref) override { return core_.store.find(ref); }
    Async<Result<std::string>> inspect(std::string ref) override;
    Result<std::string> list(const ListOptions& options) override;
    std::vector<image::ImageService::User> image_users() override;
    Counts counts() override;

 private:
    const ListEntry& entry(const ContainerPtr& container);

    Core& core_;
    const ContainerExecs& execs_;
    std::map<std::string, ListEntry> entries_;
};

Async<Result<std::string>> Inspector::inspect(std::string ref) {
    BERTH_CO_TRY(auto container, core_.store.find(ref));
    std::optional<network::Sandbox> sandbox;
    if (container->state.live()) {
        auto look = [this, container] { return core_.parts.networks.find(container->id); };
        sandbox = co_await core_.parts.pool.run(std::move(look));
    }
    nlohmann::json object = inspect_json(core_, *container, sandbox);
    if (auto execs = execs_.running_in(container->id); !execs.empty()) object["ExecIDs"] = execs;
    co_return object.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

const ListEntry& Inspector::entry(const ContainerPtr& container) {
    ListEntry& cached = entries_[container->id];
    if (cached.of != container) cached = render_entry(core_, container);
    return cached;
}

Result<std::string> Inspector::list(const ListOptions& options) {
    std::erase_if(entries_, [this](const auto& row) { return !core_.store.get(row.first); });
    BERTH_TRY(auto chosen, select_containers(core_, options));
    Timestamp at = now();
    std::string text = "[";
    for (const auto& container : chosen) {
        if (text.size() > 1) text += ',';
        text += entry(container).text(at);
    }
    return text + "]";
}

std::vector<image::ImageService::User> Inspector::image_users() {
    std::vector<image::ImageService::User> users;
    for (const auto& container : core_.store.list()) {
        auto image = Digest::parse(container->image_id);
        if (image) users.push_back({container->id, *image, container->state.live(), container->config.image});
    }
    return users;
}

ContainerInspector::Counts Inspector::counts() {
    Counts counts;
    for (const auto& container : core_.store.list()) {
        switch (container->state.status) {
            case Status::kRunning:
            case Status::kRestarting:
                ++counts.running;
                break;
            case Status::kPaused:
                ++counts.paused;
                break;
            default:
                ++counts.stopped;
        }
    }
    return counts;
}

}  // namespace

std::unique_ptr<ContainerInspector> make_inspector(Core& core, const ContainerExecs& execs) {
    return std::make_unique<Inspector>(core, execs);
}

}  // namespace berth::container
