#include "volumes/plugins.h"

#include <iterator>

#include "engine/base/log.h"

namespace berth::volumes {

Result<VolumeDriver*> Plugins::find(const std::string& name) {
    {
        std::lock_guard lock(mutex_);
        if (auto known = drivers_.find(name); known != drivers_.end()) return known->second.get();
    }
    const std::string phrase = "error looking up volume plugin " + name;
    if (!call_) return fail(ErrorKind::kNotFound, phrase + ": plugin \"" + name + "\" not found");
    auto address = [this, name] { return directory_.find(name); };
    auto driver = std::make_unique<PluginDriver>(folders_, name, std::move(address), call_);
    BERTH_CHECK(in(phrase, driver->activate()));
    std::lock_guard lock(mutex_);
    return drivers_.try_emplace(name, std::move(driver)).first->second.get();
}

std::vector<PluginDriver*> Plugins::all() {
    for (const auto& name : call_ ? directory_.names() : std::set<std::string>()) {
        // Most are not of our kind; those that cannot be reached are nobody's loss here.
        if (auto found = find(name); !found)
            log::debug("not a volume plugin", {{"plugin", name}, {"error", found.error().message}});
    }
    std::lock_guard lock(mutex_);
    std::vector<PluginDriver*> out;
    for (const auto& [name, driver] : drivers_) out.push_back(driver.get());
    return out;
}

std::vector<Volume> Plugins::list() {
    std::vector<Volume> out;
    for (PluginDriver* driver : all()) {
        auto volumes = driver->list();
        if (!volumes) {
            log::warning("a volume plugin does not answer", {{"error", volumes.error().message}});
            continue;
        }
        std::move(volumes->begin(), volumes->end(), std::back_inserter(out));
    }
    return out;
}

std::optional<Volume> Plugins::find_volume(const std::string& name) {
    for (PluginDriver* driver : all())
        if (auto volume = driver->get(name)) return std::move(*volume);
    return std::nullopt;
}

}  // namespace berth::volumes
