#include "engine/image/references.h"

#include <unistd.h>

#include <cerrno>
#include <nlohmann/json.hpp>

#include "engine/base/files.h"
#include "engine/base/log.h"
#include "engine/image/image_service.h"

namespace berth::image {

namespace {

constexpr std::string_view kMigrations[] = {
    "CREATE TABLE image_reference ("
    " name TEXT PRIMARY KEY,"
    " target TEXT NOT NULL,"
    " media_type TEXT NOT NULL,"
    " created_ns INTEGER NOT NULL) STRICT, WITHOUT ROWID",
    "ALTER TABLE image_reference ADD COLUMN parent TEXT NOT NULL DEFAULT ''",
};

std::int64_t nanos(Timestamp time) {
    return time.time_since_epoch().count();
}

Result<NamedTarget> make(std::string name, const std::string& target, std::string media_type,
                         std::int64_t created, std::string parent) {
    BERTH_TRY(Digest digest, Digest::parse(target));
    return NamedTarget{std::move(name), std::move(digest), std::move(media_type),
                       Timestamp(std::chrono::nanoseconds(created)), std::move(parent)};
}

Result<NamedTarget> parse_copy(const std::string& text) {
    auto json = nlohmann::json::parse(text, nullptr, false);
    if (!json.is_object()) return fail(ErrorKind::kDataLoss, "no JSON object");
    try {
        return make(json.at("name"), json.at("target"), json.at("mediaType"), json.at("createdNs"),
                    json.value("parent", ""));
    } catch (const nlohmann::json::exception& error) {
        return fail(ErrorKind::kDataLoss, error.what());
    }
}

// What a crash left of copies on their way: nothing that was written there was ever a name.
Result<> remove_unfinished(const std::string& folder) {
    BERTH_TRY(const auto names, list_folder(folder));
    for (const std::string& name : names) {
        if (name.ends_with(".json")) continue;
        if (::unlink((folder + "/" + name).c_str()) != 0) return fail_errno("remove " + folder + "/" + name);
    }
    return {};
}

}  // namespace

const state::Schema kSchema{"image", kMigrations};

Result<std::unique_ptr<References>> References::open(state::Database& database, const std::string& folder) {
    BERTH_CHECK(make_folders(folder, 0700));
    BERTH_CHECK(remove_unfinished(folder));
    std::unique_ptr<References> references(new References(database, folder));
    BERTH_TRY(auto rows, references->list());
    if (rows.empty()) BERTH_CHECK(references->rebuild());
    return references;
}

// An empty table beside copies means that the database was lost.
Result<> References::rebuild() {
    BERTH_TRY(auto names, list_folder(folder_));
    rebuilt_ = !names.empty();
    for (const std::string& name : names) {
        auto text = read_file(folder_ + "/" + name, 1 << 16);
        auto reference = text ? parse_copy(*text) : Result<NamedTarget>(Failure(text.error()));
        if (!reference) {
            log::warning("an image reference cannot be read",
                         {{"file", name}, {"error", reference.error().message}});
            continue;
        }
        BERTH_CHECK(insert(*reference));
    }
    return {};
}

std::string References::copy_path(const std::string& name) const {
    return folder_ + "/" + std::string(sha256(name).hex()) + ".json";
}

Result<> References::insert(const NamedTarget& reference) {
    return database_.write(state::Durability::kFull, [&](state::Connection& connection) -> Result<> {
        BERTH_TRY(auto insert,
                  connection.prepare("INSERT INTO image_reference VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT "
                                     "(name) DO UPDATE SET target = ?2, media_type = ?3, created_ns = ?4, "
                                     "parent = ?5"));
        insert.bind(1, std::string_view(reference.name)).bind(2, std::string_view(reference.target.text()));
        insert.bind(3, std::string_view(reference.media_type)).bind(4, nanos(reference.created_at));
        insert.bind(5, std::string_view(reference.parent));
        return insert.run();
    });
}

Result<> References::put(const NamedTarget& reference) {
    nlohmann::json copy = {{"name", reference.name},
                           {"target", reference.target.text()},
                           {"mediaType", reference.media_type},
                           {"createdNs", nanos(reference.created_at)},
                           {"parent", reference.parent}};
    // The copy first: a rebuild may know a name too many, never one too few.
    BERTH_CHECK(replace_file(copy_path(reference.name), copy.dump(), 0600, Sync::kData));
    auto done = insert(reference);
    ++changes_;
    return done;
}

Result<> References::remove(const std::string& name) {
    if (::unlink(copy_path(name).c_str()) != 0 && errno != ENOENT)
        return fail_errno("remove the copy of " + name);
    auto done = database_.write(state::Durability::kFull, [&](state::Connection& connection) -> Result<> {
        BERTH_TRY(auto remove, connection.prepare("DELETE FROM image_reference WHERE name = ?1"));
        remove.bind(1, std::string_view(name));
        return remove.run();
    });
    ++changes_;
    return done;
}

Result<std::optional<NamedTarget>> References::find(const std::string& name) {
    std::optional<NamedTarget> found;
    BERTH_CHECK(database_.read([&](state::Connection& connection) -> Result<> {
        BERTH_TRY(auto select,
                  connection.prepare("SELECT target, media_type, created_ns, parent FROM image_reference "
                                     "WHERE name = ?1"));
        select.bind(1, std::string_view(name));
        BERTH_TRY(bool row, select.step());
        if (!row) return {};
        BERTH_TRY(found, make(name, select.text(0), select.text(1), select.number(2), select.text(3)));
        return {};
    }));
    return found;
}

Result<std::vector<NamedTarget>> References::list() {
    std::vector<NamedTarget> all;
    BERTH_CHECK(database_.read([&](state::Connection& connection) -> Result<> {
        BERTH_TRY(auto select, connection.prepare("SELECT name, target, media_type, created_ns, parent FROM "
                                                  "image_reference ORDER BY name"));
        while (true) {
            BERTH_TRY(bool row, select.step());
            if (!row) return {};
            BERTH_TRY(auto reference,
                      make(select.text(0), select.text(1), select.text(2), select.number(3), select.text(4)));
            all.push_back(std::move(reference));
        }
    }));
    return all;
}

Result<std::string> References::parent_of(const Digest& target) {
    std::string parent;
    BERTH_CHECK(database_.read([&](state::Connection& connection) -> Result<> {
        BERTH_TRY(auto select,
                  connection.prepare("SELECT max(parent) FROM image_reference WHERE target = ?1"));
        select.bind(1, std::string_view(target.text()));
        BERTH_TRY(bool row, select.step());
        if (row) parent = select.text(0);
        return {};
    }));
    return parent;
}

}  // namespace berth::image
