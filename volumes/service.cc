#include "volumes/service.h"

#include <fcntl.h>
#include <fmt/ranges.h>

#include <set>

#include "engine/base/files.h"
#include "engine/base/ids.h"
#include "engine/base/log.h"
#include "engine/sys/safe_path.h"
#include "volumes/checks.h"
#include "volumes/copy_up.h"
#include "volumes/record.h"

namespace berth::volumes {

namespace {

Failure missing(const std::string& name) {
    return fail(ErrorKind::kNotFound, "get " + name + ": no such volume");
}

}  // namespace

Service::Service(Folders folders, VolumeStore store, VolumeConfig config, events::EventSink& events)
    : folders_(std::move(folders)),
      store_(store),
      copy_tree_(std::move(config.copy_tree)),
      events_(events),
      local_(folders_, std::move(config.mount)),
      plugins_(folders_, std::move(config.plugin_folders), std::move(config.call_plugin)) {}

Result<> Service::load() {
    BERTH_TRY(auto found, folders_.load());
    BERTH_TRY(users_, store_.load(VolumeStore::Relation::kUse));
    BERTH_TRY(mounted_, store_.load(VolumeStore::Relation::kMount));
    for (auto& volume : found) {
        std::string name = volume.name;
        volumes_.emplace(std::move(name), std::move(volume));
    }
    for (auto* rows : {&users_, &mounted_}) {
        for (const auto& [name, containers] : *rows)
            if (!volumes_.contains(name)) BERTH_CHECK(store_.remove(name));
        std::erase_if(*rows, [&](const auto& row) { return !volumes_.contains(row.first); });
    }
    return {};
}

std::optional<Volume> Service::find(const std::string& name) {
    std::lock_guard lock(mutex_);
    auto found = volumes_.find(name);
    if (found == volumes_.end()) return std::nullopt;
    return found->second;
}

Result<Volume> Service::get(const std::string& name) {
    if (auto found = find(name)) return std::move(*found);
    return missing(name);
}

Result<VolumeDriver*> Service::driver_of(const std::string& name) {
    if (name == "local") return &local_;
    return plugins_.find(name);
}

void Service::publish(std::string action, const Volume& volume) {
    events::Event event;
    event.type = "volume";
    event.action = std::move(action);
    event.actor_id = volume.name;
    event.attributes = {{"driver", volume.driver}};
    events_.publish(std::move(event));
}

Result<Volume> Service::make(NewVolume wanted) {
    Volume volume;
    volume.name = std::move(wanted.name);
    if (!wanted.driver.empty()) volume.driver = std::move(wanted.driver);
    volume.labels = std::move(wanted.labels);
    volume.options = std::move(wanted.options);
    volume.anonymous = volume.labels.contains(kAnonymousLabel);
    // Docker shows whole seconds.
    volume.created_at = std::chrono::floor<std::chrono::seconds>(now());
    BERTH_TRY(VolumeDriver * driver, driver_of(volume.driver));
    BERTH_CHECK(check_name(volume.name));
    BERTH_CHECK(driver->create(volume));
    {
        std::lock_guard lock(mutex_);
        volumes_.emplace(volume.name, volume);
    }
    publish("create", volume);
    return volume;
}

Result<Volume> Service::find_or_make(NewVolume wanted) {
    const std::string phrase = "create " + wanted.name;
    auto there = find(wanted.name);
    if (!there) return in(phrase, make(std::move(wanted)));
    if (wanted.driver.empty() || wanted.driver == there->driver) return std::move(*there);
    BERTH_CHECK(in(phrase, driver_of(wanted.driver)));
    return fail(ErrorKind::kConflict, phrase + ": driver '" + there->driver + "' already has volume '" +
                                          there->name + "': volume name must be unique");
}

Result<Volume> Service::create(NewVolume wanted) {
    if (wanted.name.empty()) {
        wanted.name = new_id();
        wanted.labels.emplace(kAnonymousLabel, "");
    }
    NameLocks::Guard guard(names_, wanted.name);
    return find_or_make(std::move(wanted));
}

std::optional<Volume> Service::find_anywhere(const std::string& name) {
    auto found = find(name);
    return found ? std::move(found) : plugins_.find_volume(name);
}

Result<Volume> Service::inspect(const std::string& name) {
    auto volume = find_anywhere(name);
    if (!volume) return missing(name);
    BERTH_TRY(VolumeDriver * driver, in("get " + name, driver_of(volume->driver)));
    BERTH_CHECK(in("get " + name, driver->refresh(*volume)));
    return std::move(*volume);
}

Result<std::vector<Volume>> Service::list() {
    std::map<std::string, Volume> all;
    {
        std::lock_guard lock(mutex_);
        all = volumes_;
    }
    for (auto& volume : plugins_.list()) {
        auto [known, fresh] = all.try_emplace(volume.name, volume);
        if (!fresh && known->second.driver == volume.driver) known->second.mountpoint = volume.mountpoint;
    }
    std::vector<Volume> out;
    for (auto& [name, volume] : all) out.push_back(std::move(volume));
    return out;
}

Result<> Service::destroy(const Volume& volume, bool force) {
    auto remove = [&]() -> Result<> {
        BERTH_TRY(VolumeDriver * driver, driver_of(volume.driver));
        return driver->remove(volume);
    };
    auto removed = remove();
    if (!removed && force && volume.driver != "local") {
        log::warning("a volume is forgotten that its plugin does not remove",
                     {{"volume", volume.name}, {"error", removed.error().message}});
        removed = folders_.remove(volume.name);
    }
    if (!removed) return in("remove " + volume.name, std::move(removed));
    bool has_rows = false;
    {
        std::lock_guard lock(mutex_);
        volumes_.erase(volume.name);
        has_rows = users_.erase(volume.name) + mounted_.erase(volume.name) > 0;
    }
    // The folder decides whether there is a volume: a row that stays behind goes when the service opens.
    if (has_rows) BERTH_CHECK(store_.remove(volume.name));
    publish("destroy", volume);
    return {};
}

Result<> Service::remove(const std::string& name, bool force) {
    NameLocks::Guard guard(names_, name);
    const auto volume = find_anywhere(name);
    if (!volume) {
        if (force) return {};
        return missing(name);
    }
    if (const auto used_by = users(name); !used_by.empty()) {
        return fail(ErrorKind::kConflict,
                    fmt::format("remove {}: volume is in use - [{}]", name, fmt::join(used_by, ", ")));
    }
    return destroy(*volume, force);
}

Result<Volume> Service::acquire(NewVolume wanted, const std::string& container) {
    const std::string name = wanted.name;
    NameLocks::Guard guard(names_, name);
    BERTH_TRY(auto volume, find_or_make(std::move(wanted)));
    BERTH_CHECK(store_.add(VolumeStore::Relation::kUse, name, container));
    std::lock_guard lock(mutex_);
    users_[name].insert(container);
    return volume;
}

Result<> Service::release(const std::string& container) {
    BERTH_CHECK(unmount(container));
    {
        std::lock_guard lock(mutex_);
        bool any = false;
        for (const auto& [name, containers] : users_) any = any || containers.contains(container);
        if (!any) return {};
    }
    BERTH_CHECK(store_.remove_user(container));
    std::lock_guard lock(mutex_);
    for (auto& [name, containers] : users_) containers.erase(container);
    return {};
}

std::vector<std::string> Service::users(const std::string& name) {
    std::lock_guard lock(mutex_);
    auto found = users_.find(name);
    if (found == users_.end()) return {};
    return {found->second.begin(), found->second.end()};
}

Result<std::string> Service::mount(const std::string& name, const std::string& container) {
    const auto arrived = SlowMounts::Clock::now();
    BERTH_CHECK(slow_.check(name));
    NameLocks::Guard guard(names_, name);
    BERTH_TRY(auto volume, get(name));
    BERTH_TRY(VolumeDriver * driver, driver_of(volume.driver));
    if (!driver->needs_mount(volume)) return volume.mountpoint;
    {
        std::lock_guard lock(mutex_);
        if (mounted_[name].contains(container)) return volume.mountpoint;
    }
    BERTH_CHECK(slow_.begin(name, arrived));
    auto path = mount_recorded(*driver, volume, container);
    slow_.end(name, path || path.error().kind != ErrorKind::kDeadlineExceeded);
    if (!path) return path;
    std::lock_guard lock(mutex_);
    mounted_[name].insert(container);
    volumes_[name].mountpoint = *path;
    return path;
}

// First the record: a crash in between is put right by recover().
Result<std::string> Service::mount_recorded(VolumeDriver& driver, const Volume& volume,
                                            const std::string& container) {
    BERTH_CHECK(store_.add(VolumeStore::Relation::kMount, volume.name, container));
    auto path = driver.mount(volume, container);
    if (!path) (void)store_.remove_mount(volume.name, container);
    return path;
}

Result<> Service::unmount_one(const std::string& name, const std::string& container) {
    NameLocks::Guard guard(names_, name);
    auto volume = find(name);
    bool last = false;
    {
        std::lock_guard lock(mutex_);
        auto& containers = mounted_[name];
        if (containers.erase(container) == 0) return {};
        last = containers.empty();
    }
    Result<> done;
    if (volume) {
        BERTH_TRY(VolumeDriver * driver, driver_of(volume->driver));
        done = driver->unmount(*volume, container, last);
    }
    BERTH_CHECK(store_.remove_mount(name, container));
    return in("error unmounting volume " + name, std::move(done));
}

Result<> Service::unmount(const std::string& container) {
    std::vector<std::string> names;
    {
        std::lock_guard lock(mutex_);
        for (const auto& [name, containers] : mounted_) {
            if (containers.contains(container)) names.push_back(name);
        }
    }
    Result<> first;
    for (const auto& name : names) {
        if (auto done = unmount_one(name, container); !done && first) first = std::move(done);
    }
    return first;
}

Result<> Service::recover(const std::vector<VolumeUse>& uses) {
    Users users;
    std::set<std::string> live;
    bool changed = false;
    {
        std::lock_guard lock(mutex_);
        for (const auto& use : uses) {
            if (use.live) live.insert(use.container);
            if (volumes_.contains(use.volume)) users[use.volume].insert(use.container);
        }
        // Rows of containers that never came to be, or that a lost database has forgotten.
        std::erase_if(users_, [](const auto& row) { return row.second.empty(); });
        changed = users != users_;
        users_ = users;
    }
    if (changed) BERTH_CHECK(store_.replace_users(users));
    std::set<std::string> gone;
    {
        std::lock_guard lock(mutex_);
        for (const auto& [name, containers] : mounted_) {
            for (const auto& container : containers)
                if (!live.contains(container)) gone.insert(container);
        }
    }
    for (const auto& container : gone) {
        if (auto done = unmount(container); !done)
            log::warning("a volume stays mounted", {{"error", done.error().message}});
    }
    return {};
}

Result<UniqueFd> Service::open(const std::string& name, const std::string& subpath) {
    BERTH_TRY(const auto volume, get(name));
    return open_inside(volume.mountpoint, subpath);
}

Result<> Service::copy_up(const std::string& name, const std::string& subpath, int root_fd,
                          const std::string& target) {
    NameLocks::Guard guard(names_, name);
    BERTH_TRY(const auto volume, get(name));
    return copy_up_to(FillMark(folders_.folder(name), subpath), volume.mountpoint, subpath, root_fd, target,
                      copy_tree_);
}

Result<std::unique_ptr<VolumeService>> open_volume_service(VolumeConfig config, state::Database& database,
                                                           events::EventSink& events) {
    BERTH_TRY(auto folders, Folders::open(config.root, config.owner));
    auto service =
        std::make_unique<Service>(std::move(folders), VolumeStore(database), std::move(config), events);
    BERTH_CHECK(service->load());
    return std::unique_ptr<VolumeService>(std::move(service));
}

}  // namespace berth::volumes
