#include "engine/container/core.h"

namespace berth::container {

Core::Core(ContainerParts given)
    : parts(std::move(given)),
      store(parts.database, parts.pool, parts.config.data_root),
      locks(parts.io),
      waits(parts.io),
      hub(parts.io, parts.tasks),
      gate(parts.io) {}

std::string Core::log_path(const Container& container) const {
    const std::string& driver = container.host.log_config.type;
    if (driver == "none") return "";
    std::string folder = store.folder(container.id);
    if (driver == "json-file") return folder + "/" + container.id + "-json.log";
    return folder + (driver == "local" ? "/local-logs/container.log" : "/container-cached.log");
}

std::string Core::cgroup_path(const Container& container) const {
    const auto& own = container.host.cgroup_parent;
    std::string parent = own.empty() ? parts.config.cgroup_parent : own;
    return (parent.starts_with('/') ? parent : "/" + parent) + "/" + container.id;
}

void Core::publish(const Container& container, std::string action, std::map<std::string, std::string> more) {
    events::Event event;
    event.type = "container";
    event.action = std::move(action);
    event.actor_id = container.id;
    event.attributes = container.config.labels;
    event.attributes["image"] = container.config.image;
    event.attributes["name"] = container.name;
    for (auto& [key, value] : more) event.attributes[key] = std::move(value);
    parts.events.publish(std::move(event));
}

}  // namespace berth::container
