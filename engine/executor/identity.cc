#include "engine/executor/identity.h"

#include <fcntl.h>
#include <grp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <map>

#include "engine/base/files.h"

namespace berth::executor {

Result<> set_rlimits(pid_t pid, const std::vector<oci::Rlimit>& limits) {
    static const std::map<std::string_view, int> known = {
        {"RLIMIT_CPU", RLIMIT_CPU},           {"RLIMIT_FSIZE", RLIMIT_FSIZE},
        {"RLIMIT_DATA", RLIMIT_DATA},         {"RLIMIT_STACK", RLIMIT_STACK},
        {"RLIMIT_CORE", RLIMIT_CORE},         {"RLIMIT_RSS", RLIMIT_RSS},
        {"RLIMIT_NPROC", RLIMIT_NPROC},       {"RLIMIT_NOFILE", RLIMIT_NOFILE},
        {"RLIMIT_MEMLOCK", RLIMIT_MEMLOCK},   {"RLIMIT_AS", RLIMIT_AS},
        {"RLIMIT_LOCKS", RLIMIT_LOCKS},       {"RLIMIT_SIGPENDING", RLIMIT_SIGPENDING},
        {"RLIMIT_MSGQUEUE", RLIMIT_MSGQUEUE}, {"RLIMIT_NICE", RLIMIT_NICE},
        {"RLIMIT_RTPRIO", RLIMIT_RTPRIO},     {"RLIMIT_RTTIME", RLIMIT_RTTIME}};
    for (const oci::Rlimit& limit : limits) {
        auto found = known.find(limit.type);
        if (found == known.end())
            return fail(ErrorKind::kInvalidArgument, "invalid rlimit type: " + limit.type);
        rlimit value{limit.soft, limit.hard};
        if (::prlimit(pid, static_cast<__rlimit_resource>(found->second), &value, nullptr) != 0) {
            return fail_errno("error setting rlimit type " + limit.type);
        }
    }
    return {};
}

namespace {

bool setgroups_denied() {
    auto text = read_file("/proc/self/setgroups");
    return text && text->starts_with("deny");
}

}  // namespace

Result<> become_root_here() {
    if (::setresgid(0, 0, 0) != 0) return fail_errno("setgid in the user namespace");
    if (!setgroups_denied() && ::setgroups(0, nullptr) != 0)
        return fail_errno("setgroups in the user namespace");
    if (::setresuid(0, 0, 0) != 0) return fail_errno("setuid in the user namespace");
    return {};
}

Result<> become_user(const oci::User& user) {
    if (::prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0) return fail_errno("keep capabilities");
    if (::setgroups(user.additional_gids.size(), user.additional_gids.data()) != 0) {
        int reason = errno;
        // Where groups cannot be set at all, none is what there is.
        if (reason != EPERM || !user.additional_gids.empty() || !setgroups_denied())
            return fail_errno("setgroups", reason);
    }
    if (::setresgid(user.gid, user.gid, user.gid) != 0) return fail_errno("setgid");
    if (::setresuid(user.uid, user.uid, user.uid) != 0) return fail_errno("setuid");
    if (::prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0) != 0) return fail_errno("keep capabilities");
    if (user.umask) ::umask(*user.umask);
    return {};
}

namespace {

void give_streams(uid_t uid) {
    for (int fd : {0, 1, 2}) {
        struct stat status{};
        if (::fstat(fd, &status) != 0 || status.st_uid == uid) continue;
        // Devices are the host's (/dev/null, a terminal somebody sits at). A stream that cannot be owned (a
        // read-only file system, an id that is not mapped) is used as it is.
        if (S_ISCHR(status.st_mode) || S_ISBLK(status.st_mode)) continue;
        (void)!::fchown(fd, uid, static_cast<gid_t>(-1));
    }
}

}  // namespace

void own_streams(const oci::User& user) {
    give_streams(user.uid);
}

void lend_streams(const oci::Linux& linux_part) {
    for (const oci::IdMapping& mapping : linux_part.uid_mappings)
        if (mapping.container_id == 0 && mapping.size > 0) give_streams(mapping.host_id);
}

namespace {

// "name:x:uid:gid:text:home:shell"
std::string home_of(uid_t uid) {
    UniqueFd file(::open("/etc/passwd", O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
    struct stat status{};
    if (!file || ::fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode)) return "/";
    std::string text = read_all(file.get(), 1 << 20).value_or("");
    for (std::size_t at = 0; at < text.size();) {
        std::string line = text.substr(at, text.find('\n', at) - at);
        at += line.size() + 1;
        std::vector<std::string> fields(1);
        for (char c : line) {
            if (c == ':')
                fields.emplace_back();
            else
                fields.back() += c;
        }
        if (fields.size() == 7 && fields[2] == std::to_string(uid) && fields[5].starts_with("/"))
            return fields[5];
    }
    return "/";
}

}  // namespace

void complete_environment(std::vector<std::string>& environment, uid_t uid) {
    // Of several values of one name the last counts, and is the only one.
    std::map<std::string, std::size_t> last;
    auto name_of = [](const std::string& word) { return word.substr(0, word.find('=')); };
    for (std::size_t i = 0; i < environment.size(); ++i) last[name_of(environment[i])] = i;
    std::vector<std::string> out;
    for (std::size_t i = 0; i < environment.size(); ++i) {
        if (last[name_of(environment[i])] == i && environment[i] != "HOME=")
            out.push_back(std::move(environment[i]));
    }
    bool has_home =
        std::any_of(out.begin(), out.end(), [](const auto& word) { return word.starts_with("HOME="); });
    if (!has_home) out.push_back("HOME=" + home_of(uid));
    environment = std::move(out);
}

}  // namespace berth::executor
