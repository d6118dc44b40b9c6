#include "engine/container/store.h"

#include <unistd.h>

#include <algorithm>

#include "engine/base/files.h"
#include "engine/base/ids.h"
#include "engine/base/log.h"

namespace berth::container {

namespace {

constexpr std::string_view kMigrations[] = {
    "CREATE TABLE container_record (id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, record TEXT NOT NULL, "
    "state TEXT NOT NULL) STRICT",
};

Result<> insert(state::Connection& connection, const Container& container) {
    BERTH_TRY(auto row,
              connection.prepare("INSERT INTO container_record (id, name, record, state) VALUES (?,?,?,?)"));
    return row.bind(1, container.id)
        .bind(2, container.name)
        .bind(3, render_record(container))
        .bind(4, render_state(container.state))
        .run();
}

Result<> update_state(state::Connection& connection, const std::string& id, const std::string& state) {
    BERTH_TRY(auto row, connection.prepare("UPDATE container_record SET state = ? WHERE id = ?"));
    return row.bind(1, state).bind(2, id).run();
}

std::string copy_path(const std::string& folder) {
    return folder + "/config.json";
}

// A copy that a power cut takes or empties is made again from the record, by load().
Result<> write_copy(const std::string& folder, const Container& container) {
    return replace_file(copy_path(folder), render_record(container), 0600, Sync::kNone);
}

Result<> check_copy(const std::string& folder, const Container& container) {
    auto copy = read_file(copy_path(folder));
    return copy && *copy == render_record(container) ? Result<>() : write_copy(folder, container);
}

// Nobody gets to see again after a power cut what is removed as soon as it does not run: that its record gets
// to the disk need not be waited for. What it leaves behind without one, recovery takes away; but a volume
// has no owner then.
state::Durability durability_of(const Container& container) {
    return container.host.auto_remove && container.mounts.empty() ? state::Durability::kNormal
                                                                  : state::Durability::kFull;
}

}  // namespace

const state::Schema kSchema{"container", kMigrations};

Store::Store(state::Database& database, async::BlockingPool& pool, std::string data_root)
    : database_(database), pool_(pool), data_root_(std::move(data_root)) {}

ContainerPtr Store::replace(Container container) {
    auto value = std::make_shared<const Container>(std::move(container));
    by_id_[value->id] = value;
    return value;
}

Result<std::vector<std::string>> Store::load() {
    BERTH_CHECK(make_folders(data_root_ + "/containers", 0710));
    BERTH_CHECK(database_.read([&](state::Connection& connection) -> Result<> {
        BERTH_TRY(auto rows, connection.prepare("SELECT record, state FROM container_record"));
        for (;;) {
            BERTH_TRY(bool more, rows.step());
            if (!more) return {};
            BERTH_TRY(Container container, parse_record(rows.text(0)));
            BERTH_TRY(container.state, parse_state(rows.text(1)));
            names_[container.name] = container.id;
            replace(std::move(container));
        }
    }));
    const bool lost_all = by_id_.empty();
    std::vector<std::string> orphans;
    BERTH_TRY(auto folders, list_folder(data_root_ + "/containers"));
    for (const auto& id : folders) {
        if (auto known = get(id)) {
            BERTH_CHECK(check_copy(folder(id), *known));
            continue;
        }
        if (!is_id(id)) continue;
        const bool has_copy = exists(copy_path(folder(id)));
        auto text = has_copy ? read_file(copy_path(folder(id))) : Result<std::string>("");
        auto lost = text ? parse_record(*text) : Result<Container>(Failure(text.error()));
        const bool none = text && text->empty();  // or emptied by a power cut
        // Where nobody waited for the record, a power cut may leave the copy alone; else a record was lost.
        const bool remnant = lost && !lost_all && durability_of(*lost) == state::Durability::kNormal;
        if (none || remnant) {
            orphans.push_back(id);
        } else if (!lost || lost->id != id || names_.contains(lost->name)) {
            log::error("a container's config.json cannot be used", {{"container", id}});
        } else {
            BERTH_CHECK(database_.write(state::Durability::kFull, [&](state::Connection& connection) {
                return insert(connection, *lost);
            }));
            log::warning("container rebuilt from its config.json", {{"container", id}});
            names_[lost->name] = id;
            replace(std::move(*lost));
        }
    }
    return orphans;
}

Result<ContainerPtr> Store::find(const std::string& ref) const {
    if (ref.empty()) return fail(ErrorKind::kInvalidArgument, "invalid name or ID supplied: \"\"");
    if (auto exact = get(ref)) return exact;
    std::string_view name = ref;
    if (name.starts_with('/')) name.remove_prefix(1);
    if (auto named = names_.find(name); named != names_.end()) {
        if (auto found = get(named->second)) return found;
    }
    if (auto linked = find_linked(name)) return linked;
    auto first = by_id_.lower_bound(ref);
    if (first != by_id_.end() && first->first.starts_with(ref)) {
        auto second = std::next(first);
        if (second == by_id_.end() || !second->first.starts_with(ref)) return first->second;
        return fail(ErrorKind::kInvalidArgument, "multiple IDs found with provided prefix: " + ref);
    }
    return fail(ErrorKind::kNotFound, "No such container: " + ref);
}

// "web/data": what the container "web" calls "data".
ContainerPtr Store::find_linked(std::string_view name) const {
    const auto slash = name.find('/');
    auto parent = slash == name.npos ? names_.end() : names_.find(name.substr(0, slash));
    auto container = parent == names_.end() ? nullptr : get(parent->second);
    if (!container) return nullptr;
    for (const auto& link : container->links)
        if (link.alias == name.substr(slash + 1)) return get(link.id);
    return nullptr;
}

ContainerPtr Store::get(const std::string& id) const {
    auto found = by_id_.find(id);
    return found == by_id_.end() ? nullptr : found->second;
}

std::vector<ContainerPtr> Store::list() const {
    std::vector<ContainerPtr> all;
    for (const auto& [id, container] : by_id_) all.push_back(container);
    std::stable_sort(all.begin(), all.end(),
                     [](const auto& a, const auto& b) { return a->created_at > b->created_at; });
    return all;
}

Result<> Store::reserve_name(const std::string& name, const std::string& id) {
    auto [found, fresh] = names_.try_emplace(name, id);
    if (fresh || found->second == id) return {};
    return fail(ErrorKind::kConflict, "Conflict. The container name \"/" + name +
                                          "\" is already in use by container \"" + found->second +
                                          "\". You have to remove (or rename) that container to be " +
                                          "able to reuse that name.");
}

void Store::release_name(const std::string& name, const std::string& id) {
    auto found = names_.find(name);
    if (found != names_.end() && found->second == id) names_.erase(found);
}

Async<Result<>> Store::add(Container container, std::function<Result<>(state::Connection&)> with) {
    auto value = std::make_shared<const Container>(std::move(container));
    auto work = [this, value, with = std::move(with)]() -> Result<> {
        BERTH_CHECK(database_.write(durability_of(*value), [&](state::Connection& connection) -> Result<> {
            if (with) BERTH_CHECK(with(connection));
            return insert(connection, *value);
        }));
        return write_copy(folder(value->id), *value);
    };
    BERTH_CO_CHECK(co_await pool_.run(std::move(work)));
    by_id_[value->id] = value;
    co_return Result<>();
}

Async<Result<>> Store::rename(std::string id, std::string name) {
    Container changed = *get(id);
    std::string old = changed.name;
    changed.name = name;
    BERTH_CO_CHECK(co_await update(std::move(changed)));
    release_name(old, id);
    co_return Result<>();
}

Async<Result<>> Store::update(Container changed) {
    auto work = [this, &changed]() -> Result<> {
        BERTH_CHECK(database_.write(state::Durability::kFull, [&](state::Connection& connection) -> Result<> {
            BERTH_TRY(auto row,
                      connection.prepare("UPDATE container_record SET name = ?, record = ? WHERE id = ?"));
            return row.bind(1, changed.name).bind(2, render_record(changed)).bind(3, changed.id).run();
        }));
        return write_copy(folder(changed.id), changed);
    };
    BERTH_CO_CHECK(co_await pool_.run(std::move(work)));
    if (auto current = get(changed.id)) {
        changed.state = current->state;
        replace(std::move(changed));
    }
    co_return Result<>();
}

Async<Result<>> Store::erase(std::string id) {
    std::string path = copy_path(folder(id));
    auto known = get(id);
    const auto durability = known ? durability_of(*known) : state::Durability::kFull;
    auto work = [this, id, path, durability]() -> Result<> {
        // First the copy: a crash in between leaves a row, which gets its copy back, never the reverse.
        if (::unlink(path.c_str()) != 0 && errno != ENOENT) return fail_errno("unlink " + path);
        return database_.write(durability, [&](state::Connection& connection) -> Result<> {
            BERTH_TRY(auto row, connection.prepare("DELETE FROM container_record WHERE id = ?"));
            return row.bind(1, id).run();
        });
    };
    BERTH_CO_CHECK(co_await pool_.run(std::move(work)));
    if (auto gone = get(id)) {
        release_name(gone->name, id);
        by_id_.erase(id);
    }
    co_return Result<>();
}

ContainerPtr Store::set_state(const std::string& id, State state) {
    auto current = get(id);
    if (!current) return nullptr;
    Container changed = *current;
    changed.state = std::move(state);
    return replace(std::move(changed));
}

Async<Result<>> Store::save_state(std::string id, State state) {
    std::string text = render_state(state);
    if (!set_state(id, std::move(state))) co_return Result<>();
    auto work = [this, id, text]() {
        return database_.write(state::Durability::kNormal, [&](state::Connection& connection) {
            return update_state(connection, id, text);
        });
    };
    co_return co_await pool_.run(std::move(work));
}

}  // namespace berth::container
