#include "engine/spec/user_lookup.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <optional>

#include "engine/base/files.h"
#include "engine/sys/safe_path.h"

namespace berth::spec {

namespace {

constexpr std::size_t kLimit = 4 << 20;
constexpr std::int64_t kMaxId = 2147483647;

using Fields = std::vector<std::string_view>;

Fields split(std::string_view text, char separator) {
    Fields out;
    for (;;) {
        const auto at = text.find(separator);
        out.push_back(text.substr(0, at));
        if (at == std::string_view::npos) return out;
        text.remove_prefix(at + 1);
    }
}

// nullopt: a name. "-1" is a number too, and out of range.
Result<std::optional<std::uint32_t>> parse_id(std::string_view text) {
    const auto digits = text.starts_with('-') ? text.substr(1) : text;
    const bool numeric = !digits.empty() && digits.find_first_not_of("0123456789") == std::string_view::npos;
    if (!numeric) return std::optional<std::uint32_t>();
    std::int64_t number = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || number < 0 || number > kMaxId) {
        return fail(ErrorKind::kInvalidArgument, "uids and gids must be in range 0-2147483647");
    }
    return std::optional(static_cast<std::uint32_t>(number));
}

// The file's text; "" if the root has no such regular file. Not blocked by a FIFO, not led out by a link, and
// not into what a running container has mounted there, which may hang.
Result<std::string> read_table(int root_fd, const char* path) {
    UniqueFd file(sys::openat2(root_fd, path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0,
                               RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV));
    if (!file) {
        if (errno == ENOENT || errno == ENOTDIR || errno == EXDEV) return std::string();
        return fail_errno("open " + std::string(path));
    }
    struct stat info{};
    if (fstat(file.get(), &info) != 0) return fail_errno(path);
    if (!S_ISREG(info.st_mode))
        return fail(ErrorKind::kInvalidArgument, std::string(path) + ": not a regular file");
    return in(path, read_all(file.get(), kLimit));
}

struct PasswdEntry {
    std::string name, home;
    std::uint32_t uid = 0, gid = 0;
};
struct GroupEntry {
    std::string_view name;
    std::uint32_t gid = 0;
    Fields members;
};

std::optional<std::uint32_t> id_field(std::string_view text) {
    auto id = parse_id(text);
    return id ? *id : std::nullopt;
}

std::optional<PasswdEntry> find_user(std::string_view table, std::optional<std::uint32_t> uid,
                                     std::string_view name) {
    for (auto line : split(table, '\n')) {
        const auto fields = split(line, ':');
        if (fields.size() < 4 || fields[0].empty()) continue;
        const auto entry_uid = id_field(fields[2]), entry_gid = id_field(fields[3]);
        if (!entry_uid || !entry_gid) continue;
        if (uid ? *uid != *entry_uid : name != fields[0]) continue;
        return PasswdEntry{std::string(fields[0]), std::string(fields.size() > 5 ? fields[5] : ""),
                           *entry_uid, *entry_gid};
    }
    return std::nullopt;
}

std::vector<GroupEntry> parse_groups(std::string_view table) {
    std::vector<GroupEntry> out;
    for (auto line : split(table, '\n')) {
        const auto fields = split(line, ':');
        if (fields.size() < 3 || fields[0].empty()) continue;
        if (auto gid = id_field(fields[2])) {
            out.push_back({fields[0], *gid, fields.size() > 3 ? split(fields[3], ',') : Fields()});
        }
    }
    return out;
}

Result<std::uint32_t> find_group(const std::vector<GroupEntry>& groups, std::string_view text) {
    BERTH_TRY(const auto gid, parse_id(text));
    if (gid) return *gid;
    for (const auto& group : groups) {
        if (group.name == text) return group.gid;
    }
    return fail(ErrorKind::kInvalidArgument,
                "unable to find group " + std::string(text) + ": no matching entries in group file");
}

}  // namespace

Result<ResolvedUser> look_up_user(int root_fd, std::string_view text, const std::vector<std::string>& extra) {
    const auto parts = split(text, ':');
    if (parts.size() > 2 || text.find_first_of(std::string_view("\n\r\0", 3)) != std::string_view::npos) {
        return fail(ErrorKind::kInvalidArgument, "invalid user specification: " + std::string(text));
    }
    const std::string_view user_text = parts[0].empty() ? "0" : parts[0];
    const std::string_view group_text = parts.size() > 1 ? parts[1] : "";
    BERTH_TRY(const auto uid, parse_id(user_text));
    BERTH_TRY(const auto passwd, read_table(root_fd, "/etc/passwd"));
    BERTH_TRY(const auto group_table, read_table(root_fd, "/etc/group"));
    const auto entry = find_user(passwd, uid, user_text);
    if (!entry && !uid) {
        return fail(ErrorKind::kInvalidArgument,
                    "unable to find user " + std::string(user_text) + ": no matching entries in passwd file");
    }
    ResolvedUser out;
    out.user.uid = entry ? entry->uid : *uid;
    out.user.gid = entry ? entry->gid : 0;
    // HOME becomes a line of the environment: nothing but an absolute path may.
    if (entry && entry->home.starts_with('/') && entry->home.find('\0') == std::string::npos)
        out.home = entry->home;

    const auto groups = parse_groups(group_table);
    if (!group_text.empty()) {
        BERTH_TRY(out.user.gid, find_group(groups, group_text));
    }
    auto& gids = out.user.additional_gids;
    gids.push_back(out.user.gid);
    auto add = [&gids](gid_t gid) {
        if (std::find(gids.begin(), gids.end(), gid) == gids.end()) gids.push_back(gid);
    };
    for (const auto& group : groups) {
        if (!entry || !group_text.empty()) break;
        if (std::find(group.members.begin(), group.members.end(), entry->name) != group.members.end())
            add(group.gid);
    }
    for (const auto& name : extra) {
        BERTH_TRY(const auto gid, find_group(groups, name));
        add(gid);
    }
    return out;
}

}  // namespace berth::spec
