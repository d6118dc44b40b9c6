#include "engine/executor/identity.h"

#include <grp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <map>

namespace berth::executor {

Result<> set_rlimits(const std::vector<oci::Rlimit>& limits) {
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
        if (::setrlimit(static_cast<__rlimit_resource>(found->second), &value) != 0) {
            return fail_errno("error setting rlimit type " + limit.type);
        }
    }
    return {};
}

Result<> become_user(const oci::User& user) {
    if (::prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0) return fail_errno("keep capabilities");
    if (::setgroups(user.additional_gids.size(), user.additional_gids.data()) != 0)
        return fail_errno("setgroups");
    if (::setresgid(user.gid, user.gid, user.gid) != 0) return fail_errno("setgid");
    if (::setresuid(user.uid, user.uid, user.uid) != 0) return fail_errno("setuid");
    if (::prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0) != 0) return fail_errno("keep capabilities");
    if (user.umask) ::umask(*user.umask);
    return {};
}

}  // namespace berth::executor
