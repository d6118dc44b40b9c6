#include "engine/container/inspector.h"

#include <map>
#include <nlohmann/json.hpp>

#include "engine/container/inspect_json.h"
#include "engine/container/list_entry.h"
#include "engine/container/list_filters.h"
#include "engine/container/sizes.h"

namespace berth::container {

namespace {

class Inspector final : public ContainerInspector {
 public:
    Inspector(Core& core, const ContainerExecs& execs) : core_(core), execs_(execs) {}

    Result<ContainerPtr> find(const std::string& ref) override { return core_.store.find(ref); }
    Async<Result<std::string>> inspect(std::string ref, InspectOptions options) override;
    Async<Result<std::string>> list(ListOptions options) override;
    std::vector<image::ImageService::User> image_users() override;
    Counts counts() override;

 private:
    using Aliases = std::map<std::string, std::vector<std::string>>;
    Aliases linked_names() const;
    const ListEntry& entry(const ContainerPtr& container, std::vector<std::string> linked_as);

    Core& core_;
    const ContainerExecs& execs_;
    std::map<std::string, ListEntry> entries_;
};

Async<Result<std::string>> Inspector::inspect(std::string ref, InspectOptions options) {
    BERTH_CO_TRY(auto container, core_.store.find(ref));
    auto execs = execs_.running_in(container->id);
    auto render = [this, container, options, &execs]() -> Result<std::string> {
        std::optional<network::Sandbox> sandbox;
        if (container->state.live()) sandbox = core_.parts.networks.find(container->id);
        nlohmann::json object = inspect_json(core_, *container, sandbox, options);
        if (!execs.empty()) object["ExecIDs"] = execs;
        if (options.size) {
            BERTH_TRY(auto sizes, container_sizes(core_, *container));
            object["SizeRw"] = sizes.writable;
            object["SizeRootFs"] = sizes.total;
        }
        return object.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    };
    co_return co_await core_.parts.pool.run(std::move(render));
}

// What others call each container: ID -> "/web/data".
Inspector::Aliases Inspector::linked_names() const {
    Aliases names;
    for (const auto& container : core_.store.list())
        for (const auto& link : container->links)
            names[link.id].push_back("/" + container->name + "/" + link.alias);
    return names;
}

const ListEntry& Inspector::entry(const ContainerPtr& container, std::vector<std::string> linked_as) {
    ListEntry& cached = entries_[container->id];
    if (cached.of != container || cached.linked_as != linked_as)
        cached = render_entry(core_, container, std::move(linked_as));
    return cached;
}

Async<Result<std::string>> Inspector::list(ListOptions options) {
    std::erase_if(entries_, [this](const auto& row) { return !core_.store.get(row.first); });
    std::set<std::string> ancestors;
    if (options.filters.contains("ancestor")) {
        auto resolve = [this, &options] { return ancestor_images(core_, options.filters); };
        ancestors = co_await core_.parts.pool.run(std::move(resolve));
    }
    BERTH_CO_TRY(auto chosen, select_containers(core_, options, std::move(ancestors)));
    std::vector<std::string> sizes(chosen.size());
    if (options.size) {
        auto measure = [this, &chosen, &sizes] {
            for (std::size_t i = 0; i < chosen.size(); ++i)
                if (auto found = container_sizes(core_, *chosen[i])) sizes[i] = found->members();
        };
        co_await core_.parts.pool.run(std::move(measure));
    }
    Aliases aliases = linked_names();
    Timestamp at = now();
    std::string text = "[";
    for (std::size_t i = 0; i < chosen.size(); ++i) {
        if (i > 0) text += ',';
        text += entry(chosen[i], std::move(aliases[chosen[i]->id])).text(at, sizes[i]);
    }
    co_return text + "]";
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
