#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <mutex>
#include <nlohmann/json.hpp>
#include <set>

#include "engine/base/files.h"
#include "engine/base/log.h"
#include "engine/snapshot/catalog.h"
#include "engine/snapshot/snapshotter.h"
#include "engine/sys/disk_usage.h"

namespace berth::snapshot {

namespace {

// The number of a snapshot's folder, or -1.
std::int64_t parse_number(const std::string& name) {
    std::int64_t number = -1;
    auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
    return error == std::errc() && end == name.data() + name.size() ? number : -1;
}

class OverlaySnapshotter final : public Snapshotter {
 public:
    OverlaySnapshotter(const std::string& root, state::Database& database, std::string boot, Owner owner)
        : folder_(root + "/snapshots"),
          discarded_(folder_ + "/removed"),
          catalog_(database),
          boot_(std::move(boot)),
          owner_(owner) {}

    Result<> start();

    Result<sys::Mount> prepare(const std::string& key, const std::string& parent) override;
    Result<Staged> stage(const std::string& key, const std::string& parent) override;
    Result<> enter(state::Connection& connection, const Staged& staged) override {
        return Catalog::add_in(connection, active(staged));
    }
    Result<> leave(const Staged& staged) override { return remove_tree(home(staged.number)); }
    Result<sys::Mount> mounts(const std::string& key, const std::string& below) override;
    Result<sys::Mount> view(const std::string& key) override;
    Result<> commit(const std::string& key, const std::string& name) override {
        return commit_record(key, name, std::nullopt);
    }
    Result<> commit_onto(const std::string& key, const std::string& name, const std::string& parent,
                         bool has_own_root) override;
    Result<> remove(const std::string& key) override;
    Result<> discard(const std::string& key) override;
    Result<> clear_discarded() override;
    Result<> settle() override;
    Result<> replace(const std::string& key, const std::string& name) override;
    Result<SnapshotInfo> stat(const std::string& key) override;
    Result<std::vector<SnapshotInfo>> list() override;
    Result<std::uint64_t> usage(const std::string& key) override;
    Result<> collect_orphans() override;

 private:
    std::string home(std::int64_t id) const { return folder_ + "/" + std::to_string(id); }
    std::string files(std::int64_t id) const { return home(id) + "/fs"; }
    SnapshotInfo info(const Record& record) const {
        const bool unsettled = !record.unsettled.empty();
        return {record.key,       record.parent, record.committed,
                files(record.id), unsettled,     unsettled && record.unsettled != boot_};
    }
    static Record active(const Staged& staged) {
        return {staged.number, staged.key, staged.parent, false, ""};
    }
    Result<> make_folder(std::int64_t id, const std::string& parent);
    Result<> liken_root(std::int64_t id, const std::string& parent);
    Result<> commit_record(const std::string& key, const std::string& name,
                           const std::optional<std::string>& parent);
    Result<> write_copy(const Record& record) const;
    Result<> put_aside(std::int64_t id) const;
    Result<Record> remove_record(const std::string& key);
    Result<> fill_from_copies(const std::vector<std::int64_t>& numbers);
    Result<std::vector<std::int64_t>> numbers() const;
    sys::Mount active_mount(const std::vector<Record>& chain, const std::string& below) const;
    std::string lower_option(std::vector<Record>::const_iterator first,
                             std::vector<Record>::const_iterator last) const;

    std::string folder_, discarded_;
    Catalog catalog_;
    std::string boot_;
    Owner owner_;
    std::atomic<std::int64_t> last_number_{0};
    std::mutex clearing_, settling_;
};

Result<> OverlaySnapshotter::start() {
    if (folder_.find_first_of(":,\\") != std::string::npos) {
        // They would have to be escaped in overlay's options, three times over.
        return fail(ErrorKind::kInvalidArgument,
                    "the data root's path may not contain ':', ',' or '\\': " + folder_);
    }
    BERTH_CHECK(make_folders(folder_, 0700));
    BERTH_CHECK(make_folders(discarded_, 0700));
    BERTH_TRY(auto records, catalog_.all());
    BERTH_TRY(auto present, numbers());
    if (records.empty() && !present.empty()) BERTH_CHECK(fill_from_copies(present));
    if (!records.empty()) last_number_ = records.back().id;
    if (!present.empty()) last_number_ = std::max(last_number_.load(), present.back());
    // Of a database that was lost nothing is believed, least of all that a folder is nobody's.
    return records.empty() ? Result<>() : collect_orphans();
}

Result<std::vector<std::int64_t>> OverlaySnapshotter::numbers() const {
    BERTH_TRY(auto names, list_folder(folder_));
    std::vector<std::int64_t> found;
    for (const std::string& name : names) {
        if (std::int64_t number = parse_number(name); number >= 0) found.push_back(number);
    }
    std::sort(found.begin(), found.end());
    return found;
}

// A layer may have been prepared before the one it was put on: whoever waits for a parent has another turn.
Result<> OverlaySnapshotter::fill_from_copies(const std::vector<std::int64_t>& numbers) {
    std::vector<Record> waiting;
    for (std::int64_t number : numbers) {
        auto text = read_file(home(number) + "/snapshot.json", 64 << 10);
        auto copy = nlohmann::json::parse(text ? *text : std::string(), nullptr, false);
        if (!copy.is_object() || !copy["key"].is_string() || !copy["parent"].is_string()) continue;
        const auto unsettled = copy.value("unsettled", nlohmann::json());
        waiting.push_back({number, copy["key"], copy["parent"],
                           copy.value("committed", nlohmann::json()) == true,
                           unsettled.is_string() ? unsettled.get<std::string>() : ""});
    }
    std::size_t filled = 0;
    for (bool progress = true; progress && !waiting.empty();) {
        std::vector<Record> left;
        for (Record& record : waiting) {
            auto added = catalog_.add(record);
            if (!added && added.error().kind == ErrorKind::kInternal) return added;
            if (!added) left.push_back(std::move(record));
        }
        progress = left.size() < waiting.size();
        filled += waiting.size() - left.size();
        waiting = std::move(left);
    }
    for (const Record& record : waiting)
        log::warning("snapshot not taken over", {{"folder", home(record.id)}});
    if (filled > 0) log::info("snapshots filled from their copies", {{"count", filled}});
    return {};
}

Result<> OverlaySnapshotter::write_copy(const Record& record) const {
    nlohmann::json copy{{"key", record.key},
                        {"parent", record.parent},
                        {"committed", record.committed},
                        {"unsettled", record.unsettled}};
    return replace_file(home(record.id) + "/snapshot.json",
                        copy.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace), 0600,
                        Sync::kNone);
}

// The root of a layer looks like the root it covers: overlay shows the topmost one's owner and mode.
Result<> OverlaySnapshotter::liken_root(std::int64_t id, const std::string& parent) {
    struct stat like{};
    like.st_mode = 0755;
    like.st_uid = owner_.uid;
    like.st_gid = owner_.gid;
    if (!parent.empty()) {
        BERTH_TRY(Record below, catalog_.find(parent));
        if (::lstat(files(below.id).c_str(), &like) != 0) return fail_errno("stat " + files(below.id));
    }
    BERTH_TRY(UniqueFd top, open_file(files(id), O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    if (::fchown(top.get(), like.st_uid, like.st_gid) != 0 ||
        ::fchmod(top.get(), like.st_mode & 07777) != 0) {
        return fail_errno("make " + files(id));
    }
    return {};
}

Result<> OverlaySnapshotter::make_folder(std::int64_t id, const std::string& parent) {
    BERTH_CHECK(make_folders(home(id), 0700));
    BERTH_CHECK(make_folders(home(id) + "/work", 0700));
    // Nobody mounts there; tools that know Docker's layout look for it.
    BERTH_CHECK(make_folders(home(id) + "/merged", 0700));
    BERTH_CHECK(make_folders(files(id), 0700));
    return liken_root(id, parent);
}

Result<sys::Mount> OverlaySnapshotter::prepare(const std::string& key, const std::string& parent) {
    BERTH_TRY(const Staged staged, stage(key, parent));
    auto added = catalog_.add(active(staged));
    auto mount = added ? mounts(key, "") : Result<sys::Mount>(Failure(added.error()));
    if (!mount && added) (void)catalog_.remove(key).has_value();
    if (!mount) (void)leave(staged).has_value();
    return mount;
}

Result<Staged> OverlaySnapshotter::stage(const std::string& key, const std::string& parent) {
    Staged staged{++last_number_, key, parent};
    auto made = make_folder(staged.number, parent);
    if (made) made = write_copy(active(staged));
    if (made) return staged;
    (void)leave(staged).has_value();
    return Failure(std::move(made.error()));
}

std::string OverlaySnapshotter::lower_option(std::vector<Record>::const_iterator first,
                                             std::vector<Record>::const_iterator last) const {
    std::string option = "lowerdir=";
    for (auto record = first; record != last; ++record) {
        if (record != first) option += ':';
        option += files(record->id);
    }
    return option;
}

// index, redirect_dir and metacopy are off whatever the kernel's defaults: with them the upper folder is no
// longer a plain layer that can be committed, and may not be moved.
sys::Mount OverlaySnapshotter::active_mount(const std::vector<Record>& chain,
                                            const std::string& below) const {
    const Record& top = chain.front();
    if (chain.size() == 1 && below.empty()) return {"bind", files(top.id), "", {"bind", "rw"}};
    std::string lower = lower_option(chain.begin() + 1, chain.end());
    if (!below.empty()) lower += (chain.size() == 1 ? "" : ":") + below;
    return {"overlay",
            "overlay",
            "",
            {"index=off", "redirect_dir=off", "metacopy=off", "workdir=" + home(top.id) + "/work",
             "upperdir=" + files(top.id), std::move(lower)}};
}

Result<sys::Mount> OverlaySnapshotter::mounts(const std::string& key, const std::string& below) {
    BERTH_TRY(auto chain, catalog_.chain(key));
    if (chain.front().committed) {
        return fail(ErrorKind::kInvalidArgument, "snapshot " + key + " is committed: it can only be viewed");
    }
    // A power cut may have taken a new folder but not its record; nothing in it was promised to be kept.
    if (!exists(files(chain.front().id)) || !exists(home(chain.front().id) + "/work")) {
        BERTH_CHECK(make_folder(chain.front().id, chain.front().parent));
    }
    return active_mount(chain, below);
}

Result<sys::Mount> OverlaySnapshotter::view(const std::string& key) {
    BERTH_TRY(auto chain, catalog_.chain(key));
    if (!chain.front().committed) {
        return fail(ErrorKind::kInvalidArgument, "snapshot " + key + " is not committed");
    }
    if (chain.size() == 1) return sys::Mount{"bind", files(chain.front().id), "", {"bind", "ro"}};
    return sys::Mount{
        "overlay", "overlay", "", {"ro", "index=off", lower_option(chain.begin(), chain.end())}};
}

Result<> OverlaySnapshotter::commit_record(const std::string& key, const std::string& name,
                                           const std::optional<std::string>& parent) {
    BERTH_TRY(Record record, catalog_.find(key));
    BERTH_CHECK(catalog_.commit(key, name, parent, boot_));
    record.key = name;
    if (parent) record.parent = *parent;
    record.committed = true;
    record.unsettled = boot_;
    (void)remove_tree(home(record.id) + "/work").has_value();
    (void)remove_tree(home(record.id) + "/merged").has_value();
    return write_copy(record);
}

Result<> OverlaySnapshotter::commit_onto(const std::string& key, const std::string& name,
                                         const std::string& parent, bool has_own_root) {
    BERTH_TRY(Record record, catalog_.find(key));
    if (!has_own_root) BERTH_CHECK(liken_root(record.id, parent));
    return commit_record(key, name, parent);
}

// A full disk has no room to say that something is gone: the files of an active snapshot, of which nothing
// was promised, make some.
Result<Record> OverlaySnapshotter::remove_record(const std::string& key) {
    auto removed = catalog_.remove(key);
    if (removed || removed.error().kind == ErrorKind::kNotFound ||
        removed.error().kind == ErrorKind::kConflict)
        return removed;
    auto record = catalog_.find(key);
    if (!record || record->committed) return removed;
    BERTH_CHECK(remove_tree(files(record->id)));
    return catalog_.remove(key);
}

Result<> OverlaySnapshotter::remove(const std::string& key) {
    BERTH_TRY(Record record, remove_record(key));
    // Without its copy a folder left by a crash is never taken for a snapshot again.
    ::unlink((home(record.id) + "/snapshot.json").c_str());
    return remove_tree(home(record.id));
}

// A full disk may have no room for a name.
Result<> OverlaySnapshotter::put_aside(std::int64_t id) const {
    const std::string aside = discarded_ + "/" + std::to_string(id);
    if (::rename(home(id).c_str(), aside.c_str()) == 0 || errno == ENOENT) return {};
    return remove_tree(home(id));
}

Result<> OverlaySnapshotter::discard(const std::string& key) {
    BERTH_TRY(Record record, catalog_.remove(key));
    ::unlink((home(record.id) + "/snapshot.json").c_str());
    return put_aside(record.id);
}

Result<> OverlaySnapshotter::clear_discarded() {
    std::lock_guard guard(clearing_);
    BERTH_TRY(auto names, list_folder(discarded_));
    for (const std::string& name : names) BERTH_CHECK(remove_tree(discarded_ + "/" + name));
    return {};
}

// One call for all of them: it waits for everything that the file system has to write, once.
Result<> OverlaySnapshotter::settle() {
    std::lock_guard guard(settling_);
    BERTH_TRY(auto records, catalog_.all());
    // What another boot wrote is not settled by writing: it has to be made again.
    std::erase_if(records, [&](const Record& record) { return record.unsettled != boot_; });
    if (records.empty()) return {};
    BERTH_TRY(UniqueFd folder, open_file(folder_, O_RDONLY | O_DIRECTORY));
    if (::syncfs(folder.get()) != 0) return fail_errno("sync " + folder_);
    BERTH_CHECK(catalog_.settle(records));
    for (Record& record : records) {
        record.unsettled.clear();
        // One that was removed meanwhile has no folder.
        if (exists(home(record.id))) (void)write_copy(record).has_value();
    }
    return {};
}

Result<> OverlaySnapshotter::replace(const std::string& key, const std::string& name) {
    BERTH_TRY(const Record replaced, catalog_.replace(key, name, boot_));
    BERTH_TRY(const Record fresh, catalog_.find(name));
    BERTH_CHECK(write_copy(fresh));
    return remove_tree(home(replaced.id));
}

Result<SnapshotInfo> OverlaySnapshotter::stat(const std::string& key) {
    BERTH_TRY(Record record, catalog_.find(key));
    return info(record);
}

Result<std::vector<SnapshotInfo>> OverlaySnapshotter::list() {
    BERTH_TRY(auto records, catalog_.all());
    std::vector<SnapshotInfo> infos;
    for (const Record& record : records) infos.push_back(info(record));
    return infos;
}

Result<std::uint64_t> OverlaySnapshotter::usage(const std::string& key) {
    BERTH_TRY(Record record, catalog_.find(key));
    BERTH_TRY(const auto used, sys::disk_usage(files(record.id)));
    return used.blocks;
}

Result<> OverlaySnapshotter::collect_orphans() {
    // Only what was there before any folder of this process could be in the making.
    std::int64_t limit = last_number_;
    BERTH_TRY(auto present, numbers());
    BERTH_TRY(auto records, catalog_.all());
    std::set<std::int64_t> named;
    for (const Record& record : records) named.insert(record.id);
    for (std::int64_t number : present) {
        if (number > limit || named.contains(number)) continue;
        BERTH_CHECK(put_aside(number));
    }
    return {};
}

}  // namespace

Result<std::unique_ptr<Snapshotter>> open_overlay_snapshotter(const std::string& root,
                                                              state::Database& database, std::string boot,
                                                              Owner owner) {
    auto snapshotter = std::make_unique<OverlaySnapshotter>(root, database, std::move(boot), owner);
    BERTH_CHECK(in("snapshots", snapshotter->start()));
    return std::unique_ptr<Snapshotter>(std::move(snapshotter));
}

}  // namespace berth::snapshot
