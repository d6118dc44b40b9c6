#include "volumes/local_volumes.h"

#include <fmt/ranges.h>

#include "engine/base/ids.h"
#include "volumes/checks.h"
#include "volumes/copy_up.h"
#include "volumes/record.h"

namespace berth::volumes {

namespace {

Failure missing(const std::string& name) {
    return fail(ErrorKind::kNotFound, "get " + name + ": no such volume");
}

}  // namespace

LocalVolumes::LocalVolumes(Folders folders, VolumeStore store, TreeCopy copy_tree, events::EventSink& events)
    : folders_(std::move(folders)), store_(store), copy_tree_(std::move(copy_tree)), events_(events) {}

Result<> LocalVolumes::load() {
    BERTH_TRY(auto found, folders_.load());
    BERTH_CHECK(store_.reset(found));
    BERTH_TRY(users_, store_.load_users());
    for (auto& volume : found) volumes_.emplace(volume.name, std::move(volume));
    return {};
}

std::optional<Volume> LocalVolumes::find(const std::string& name) {
    std::lock_guard lock(reading_);
    auto found = volumes_.find(name);
    if (found == volumes_.end()) return std::nullopt;
    return found->second;
}

void LocalVolumes::publish(std::string action, const std::string& name,
                           std::map<std::string, std::string> attributes) {
    events::Event event;
    event.type = "volume";
    event.action = std::move(action);
    event.actor_id = name;
    event.attributes = std::move(attributes);
    events_.publish(std::move(event));
}

Result<Volume> LocalVolumes::make(std::string name, std::map<std::string, std::string> labels) {
    Volume volume;
    volume.name = std::move(name);
    volume.labels = std::move(labels);
    volume.anonymous = volume.labels.count(kAnonymousLabel) > 0;
    // Docker shows whole seconds.
    volume.created_at = std::chrono::floor<std::chrono::seconds>(now());
    volume.mountpoint = folders_.mountpoint(volume.name);
    BERTH_CHECK(folders_.add(volume));
    if (auto inserted = store_.insert(volume); !inserted) {
        (void)folders_.remove(volume.name);
        return Failure(std::move(inserted.error()));
    }
    {
        std::lock_guard lock(reading_);
        volumes_.emplace(volume.name, volume);
    }
    publish("create", volume.name, {{"driver", volume.driver}});
    return volume;
}

Result<Volume> LocalVolumes::create(std::string name, std::string driver,
                                    std::map<std::string, std::string> options,
                                    std::map<std::string, std::string> labels) {
    if (name.empty()) {
        name = new_id();
        labels.emplace(kAnonymousLabel, "");
    }
    const std::string phrase = "create " + name;
    BERTH_CHECK(in(phrase, check_driver(driver)));
    std::lock_guard changing(changing_);
    if (auto there = find(name)) return *there;
    BERTH_CHECK(in(phrase, check_name(name)));
    BERTH_CHECK(in(phrase, check_options(options)));
    return in(phrase, make(std::move(name), std::move(labels)));
}

Result<Volume> LocalVolumes::inspect(const std::string& name) {
    if (auto found = find(name)) return *found;
    return missing(name);
}

Result<std::vector<Volume>> LocalVolumes::list() {
    std::lock_guard lock(reading_);
    std::vector<Volume> out;
    for (const auto& [name, volume] : volumes_) out.push_back(volume);
    return out;
}

Result<> LocalVolumes::destroy(const Volume& volume) {
    BERTH_CHECK(in("remove " + volume.name, folders_.remove(volume.name)));
    {
        std::lock_guard lock(reading_);
        volumes_.erase(volume.name);
        users_.erase(volume.name);
    }
    // The folder decides whether there is a volume: a row that stays behind goes when the service opens.
    BERTH_CHECK(store_.remove(volume.name));
    publish("destroy", volume.name, {{"driver", volume.driver}});
    return {};
}

Result<> LocalVolumes::remove(const std::string& name, bool force) {
    std::lock_guard changing(changing_);
    const auto volume = find(name);
    if (!volume) {
        if (force) return {};
        return missing(name);
    }
    if (const auto used_by = users(name); !used_by.empty()) {
        return fail(ErrorKind::kConflict,
                    fmt::format("remove {}: volume is in use - [{}]", name, fmt::join(used_by, ", ")));
    }
    return destroy(*volume);
}

Result<Volume> LocalVolumes::acquire(const std::string& name, const std::string& container) {
    std::lock_guard changing(changing_);
    auto volume = find(name);
    if (!volume) {
        const std::string phrase = "create " + name;
        BERTH_CHECK(in(phrase, check_name(name)));
        BERTH_TRY(volume, in(phrase, make(name, {})));
    }
    BERTH_CHECK(store_.add_user(name, container));
    std::lock_guard lock(reading_);
    users_[name].insert(container);
    return *volume;
}

Result<> LocalVolumes::release(const std::string& container) {
    std::lock_guard changing(changing_);
    BERTH_CHECK(store_.remove_user(container));
    std::lock_guard lock(reading_);
    for (auto& [name, containers] : users_) containers.erase(container);
    return {};
}

std::vector<std::string> LocalVolumes::users(const std::string& name) {
    std::lock_guard lock(reading_);
    auto found = users_.find(name);
    if (found == users_.end()) return {};
    return {found->second.begin(), found->second.end()};
}

Result<> LocalVolumes::copy_up(const std::string& name, int root_fd, const std::string& target) {
    const auto volume = find(name);
    if (!volume) return missing(name);
    {
        std::unique_lock lock(reading_);
        filled_.wait(lock, [&] { return filling_.count(name) == 0; });
        filling_.insert(name);
    }
    auto copied = copy_up_to(volume->mountpoint, root_fd, target, copy_tree_);
    {
        std::lock_guard lock(reading_);
        filling_.erase(name);
    }
    filled_.notify_all();
    return copied;
}

Result<std::unique_ptr<VolumeService>> open_volume_service(VolumeConfig config, state::Database& database,
                                                           events::EventSink& events) {
    BERTH_TRY(auto folders, Folders::open(std::move(config.root)));
    auto service = std::make_unique<LocalVolumes>(std::move(folders), VolumeStore(database),
                                                  std::move(config.copy_tree), events);
    BERTH_CHECK(service->load());
    return std::unique_ptr<VolumeService>(std::move(service));
}

}  // namespace berth::volumes
