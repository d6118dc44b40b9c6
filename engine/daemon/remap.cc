#include "engine/daemon/remap.h"

#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <charconv>
#include <optional>

#include "engine/base/files.h"
#include "engine/base/log.h"
#include "engine/daemon/remap_user.h"
#include "engine/daemon/sub_ids.h"

namespace berth::daemon {

namespace {

constexpr const char* kDefault = "default";
constexpr const char* kDefaultUser = "dockremap";

Failure invalid(std::string message) {
    return fail(ErrorKind::kInvalidArgument, std::move(message));
}

std::string missing(const std::string& key, const char* database) {
    return fmt::format("getent unable to find entry \"{}\" in {} database", key, database);
}

std::optional<std::int32_t> number_of(const std::string& text) {
    std::int32_t value = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (text.empty() || error != std::errc() || end != text.data() + text.size()) return {};
    return value;
}

struct User {
    std::string name;
    uid_t uid = 0;
};

std::optional<User> find_user(const std::string& name) {
    const passwd* found = ::getpwnam(name.c_str());
    if (found == nullptr) return {};
    return User{found->pw_name, found->pw_uid};
}

Result<User> user_by_number(std::int32_t uid) {
    const passwd* found = uid < 0 ? nullptr : ::getpwuid(static_cast<uid_t>(uid));
    if (found != nullptr) return User{found->pw_name, found->pw_uid};
    return invalid(
        fmt::format("Uid {} has no entry in /etc/passwd: {}", uid, missing(std::to_string(uid), "passwd")));
}

Result<> group_by_number(std::int32_t gid, const char* file) {
    if (gid >= 0 && ::getgrgid(static_cast<gid_t>(gid)) != nullptr) return {};
    return invalid(
        fmt::format("Gid {} has no entry in {}: {}", gid, file, missing(std::to_string(gid), "group")));
}

Result<User> user_by_name(const std::string& text) {
    const std::string name = text == kDefault ? kDefaultUser : text;
    if (auto found = find_user(name)) return *found;
    if (text != kDefault)
        return invalid(fmt::format("Error during uid lookup for \"{}\": {}", name, missing(name, "passwd")));
    BERTH_CHECK(in(fmt::format("Error during \"{}\" user creation", name), make_remap_user(name)));
    if (auto made = find_user(name)) return *made;
    return invalid(fmt::format("Error during \"{}\" user creation: {}", name, missing(name, "passwd")));
}

// The user that the setting names. A group beside him has to be there, and says nothing else: ranges of
// groups are the user's, too.
Result<User> named_user(const std::string& setting) {
    const auto colon = setting.find(':');
    if (colon != setting.npos && setting.find(':', colon + 1) != setting.npos)
        return invalid(fmt::format("Invalid user/group specification in --userns-remap: \"{}\"", setting));
    const std::string first = setting.substr(0, colon);
    const auto uid = number_of(first);
    BERTH_TRY(User user, uid ? user_by_number(*uid) : user_by_name(first));
    if (colon == setting.npos) {
        if (uid) {
            BERTH_CHECK(group_by_number(*uid, "/etc/group"));
            return user;
        }
        if (::getgrnam(user.name.c_str()) == nullptr)
            return invalid(fmt::format("Error during gid lookup for \"{}\": {}", user.name,
                                       missing(user.name, "group")));
        return user;
    }
    const std::string group = setting.substr(colon + 1);
    if (const auto gid = number_of(group)) {
        BERTH_CHECK(group_by_number(*gid, "/etc/passwd"));
    } else if (::getgrnam(group.c_str()) == nullptr) {
        return invalid(
            fmt::format("Error during groupname lookup for \"{}\": {}", group, missing(group, "group")));
    }
    return user;
}

Result<std::vector<IdRange>> ranges_of(const char* path, const char* kind, const User& user) {
    BERTH_TRY(auto found, in("Can't create ID mappings", read_sub_ids(path, user.name, user.uid)));
    if (found.empty())
        return invalid(
            fmt::format("Can't create ID mappings: no {} ranges found for user \"{}\"", kind, user.name));
    std::vector<IdRange> out;
    std::uint32_t inside = 0;
    for (const SubIds& range : found) {
        out.push_back({inside, range.first, range.count});
        inside += range.count;
    }
    return out;
}

bool may_walk(const std::string& folder, const Owner& who) {
    struct stat status{};
    if (::stat(folder.c_str(), &status) != 0) return false;
    return (status.st_mode & 01) != 0 || (status.st_uid == who.uid && (status.st_mode & 0100) != 0) ||
           (status.st_gid == who.gid && (status.st_mode & 010) != 0);
}

Result<> check_way(const std::string& folder, const char* kind, const Owner& who) {
    for (std::string at = folder; at.rfind('/') != 0 && at.rfind('/') != at.npos;) {
        at.resize(at.rfind('/'));
        if (exists(at) && !may_walk(at, who))
            return fail(
                ErrorKind::kForbidden,
                fmt::format("a subdirectory in your {} path ({}) restricts access to the remapped root "
                            "uid/gid; please fix by allowing 'o+x' permissions on existing directories",
                            kind, folder));
    }
    return {};
}

}  // namespace

Result<> look_up_remap(Config& config) {
    if (config.userns_remap.empty()) return {};
    BERTH_TRY(const User user, named_user(config.userns_remap));
    if (user.name == "root") return {};
    BERTH_TRY(config.ids.uids, ranges_of("/etc/subuid", "subuid", user));
    BERTH_TRY(config.ids.gids, ranges_of("/etc/subgid", "subgid", user));
    return {};
}

Result<> go_below(Config& config) {
    if (config.userns_remap.empty()) return {};
    if (config.ids.empty())
        log::warning("User namespaces: root cannot be remapped with itself; user namespaces are OFF");
    const Owner root = config.ids.root();
    BERTH_CHECK(in("could not create or set daemon root permissions", make_folders(config.data_root, 0710)));
    if (::chmod(config.data_root.c_str(), 0710) != 0 || ::chown(config.data_root.c_str(), 0, root.gid) != 0)
        return fail_errno("could not create or set daemon root permissions: " + config.data_root);
    config.data_root += fmt::format("/{}.{}", root.uid, root.gid);
    log::info("User namespaces: ID ranges will be mapped",
              {{"setting", config.userns_remap}, {"ids", config.ids.text()}});
    if (config.ids.empty()) return {};
    BERTH_CHECK(check_way(config.data_root, "graphroot", root));
    return check_way(config.exec_root, "exec-root", root);
}

}  // namespace berth::daemon
