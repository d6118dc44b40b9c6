#include "engine/executor/spaces.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <map>

#include "engine/base/files.h"
#include "engine/executor/sysctls.h"

namespace berth::executor {

namespace {

Failure bad(std::string message) {
    return fail(ErrorKind::kInvalidArgument, std::move(message));
}

const std::map<std::string_view, unsigned long long>& known_spaces() {
    static const std::map<std::string_view, unsigned long long> known = {
        {"pid", CLONE_NEWPID}, {"network", CLONE_NEWNET},   {"mount", CLONE_NEWNS},  {"ipc", CLONE_NEWIPC},
        {"uts", CLONE_NEWUTS}, {"cgroup", CLONE_NEWCGROUP}, {"user", CLONE_NEWUSER}, {"time", kTimeSpace}};
    return known;
}

Result<> check_user(const oci::RuntimeSpec& spec, const Spaces& spaces) {
    bool mapped = !spec.linux_.uid_mappings.empty() || !spec.linux_.gid_mappings.empty();
    if (!spaces.has(CLONE_NEWUSER)) {
        if (mapped)
            return bad("user namespace mappings specified, but user namespace isn't enabled in the config");
        return {};
    }
    if (spaces.is_fresh(CLONE_NEWUSER) &&
        (spec.linux_.uid_mappings.empty() || spec.linux_.gid_mappings.empty()))
        return bad("user namespaces enabled, but no namespace path to join nor mappings to apply specified");
    return {};
}

Result<> check_time(const oci::RuntimeSpec& spec, const Spaces& spaces) {
    if (spec.linux_.time_offsets.empty() && !spaces.has(kTimeSpace)) return {};
    if (!spaces.has(kTimeSpace))
        return bad("time namespace offsets specified, but time namespace isn't enabled in the config");
    if (!exists("/proc/self/timens_offsets")) return bad("time namespaces aren't enabled in the kernel");
    if (spaces.join_of(kTimeSpace) != nullptr && !spec.linux_.time_offsets.empty()) {
        return bad(
            "time namespace enabled, but both namespace path and time offsets specified -- you may only "
            "provide one");
    }
    for (const auto& [clock, offset] : spec.linux_.time_offsets) {
        if (clock != "monotonic" && clock != "boottime")
            return bad("unknown clock \"" + clock + "\" in timeOffsets");
    }
    return {};
}

const char* file_of(unsigned long long type) {
    switch (type) {
        case CLONE_NEWPID:
            return "pid";
        case CLONE_NEWNET:
            return "net";
        case CLONE_NEWNS:
            return "mnt";
        case CLONE_NEWIPC:
            return "ipc";
        case CLONE_NEWUTS:
            return "uts";
        case CLONE_NEWCGROUP:
            return "cgroup";
        case CLONE_NEWUSER:
            return "user";
        default:
            return "time";
    }
}

}  // namespace

const Spaces::Joined* Spaces::join_of(unsigned long long type) const {
    auto found =
        std::find_if(joined.begin(), joined.end(), [&](const Joined& one) { return one.type == type; });
    return found == joined.end() ? nullptr : &*found;
}

Result<Spaces> spaces_of(const oci::RuntimeSpec& spec) {
    Spaces spaces;
    spaces.by_root = ::geteuid() == 0;
    for (const oci::Namespace& space : spec.linux_.namespaces) {
        auto found = known_spaces().find(space.type);
        if (found == known_spaces().end()) return bad("namespace \"" + space.type + "\" does not exist");
        if (spaces.has(found->second))
            return bad("malformed spec file: duplicated ns \"" + space.type + "\"");
        if (space.path.empty())
            spaces.fresh |= found->second;
        else
            spaces.joined.push_back({space.path, found->second});
    }
    bool restricted = !spec.linux_.masked_paths.empty() || !spec.linux_.readonly_paths.empty();
    if (!spaces.has(CLONE_NEWNS) && restricted)
        return bad("unable to restrict sys entries without a private MNT namespace");
    BERTH_CHECK(check_user(spec, spaces));
    BERTH_CHECK(check_time(spec, spaces));
    for (const auto& [name, value] : spec.linux_.sysctl) BERTH_CHECK(check_sysctl(name, spaces));
    if (!spec.hostname.empty() && !spaces.has(CLONE_NEWUTS))
        return bad("unable to set hostname without a private UTS namespace");
    if (!spec.domainname.empty() && !spaces.has(CLONE_NEWUTS))
        return bad("unable to set domainname without a private UTS namespace");
    return spaces;
}

Result<> SpacesBefore::remember(unsigned long long type) {
    BERTH_TRY(UniqueFd own, open_file(std::string("/proc/self/ns/") + file_of(type), O_RDONLY));
    own_.emplace_back(std::move(own), type);
    return {};
}

Result<> SpacesBefore::go_back() {
    for (const auto& [space, type] : own_) {
        if (::setns(space.get(), static_cast<int>(type)) != 0)
            return fail_errno(std::string("return to the own namespace ") + file_of(type));
    }
    own_.clear();
    return {};
}

Result<SpacesBefore> join_spaces(const Spaces& spaces) {
    SpacesBefore before;
    // All are opened first: what a path means may change with the first namespace that is joined.
    std::vector<std::pair<UniqueFd, const Spaces::Joined*>> opened;
    for (const Spaces::Joined& one : spaces.joined) {
        BERTH_TRY(UniqueFd space, in("lstat " + one.path, open_file(one.path, O_RDONLY)));
        opened.emplace_back(std::move(space), &one);
        if (!spaces.need_stage()) BERTH_CHECK(before.remember(one.type));
    }
    auto join = [](const auto& space) {
        return ::setns(space.first.get(), static_cast<int>(space.second->type)) == 0;
    };
    auto failed = [](const auto& space) { return fail_errno("join the namespace " + space.second->path); };
    // Namespaces of the host's need the rights of before, those of the user namespace its own: what is
    // refused at first is tried again from within.
    std::vector<const std::pair<UniqueFd, const Spaces::Joined*>*> again;
    for (const auto& space : opened) {
        if (space.second->type == CLONE_NEWUSER || space.second->type == CLONE_NEWNS || join(space)) continue;
        if (errno != EPERM || spaces.join_of(CLONE_NEWUSER) == nullptr) return failed(space);
        again.push_back(&space);
    }
    for (const auto& space : opened) {
        if (space.second->type == CLONE_NEWUSER && !join(space)) return failed(space);
    }
    for (const auto* space : again) {
        if (!join(*space)) return failed(*space);
    }
    for (const auto& space : opened) {
        if (space.second->type == CLONE_NEWNS && !join(space)) return failed(space);
    }
    return before;
}

Result<> make_time_space(const oci::RuntimeSpec& spec, SpacesBefore& before) {
    BERTH_CHECK(before.remember(kTimeSpace));
    if (::unshare(static_cast<int>(kTimeSpace)) != 0) return fail_errno("unshare the time namespace");
    for (const auto& [clock, offset] : spec.linux_.time_offsets) {
        std::string line =
            clock + " " + std::to_string(offset.secs) + " " + std::to_string(offset.nanosecs) + "\n";
        BERTH_CHECK(in("set the time offset of " + clock, write_file("/proc/self/timens_offsets", line)));
    }
    return {};
}

Result<pid_t> clone_into(unsigned long long flags, int cgroup_fd, bool sibling, bool* born_inside) {
    clone_args args{};
    // The cgroup namespace is made by init, once it is in its cgroup; the time namespace is the parent's for
    // its children already.
    args.flags = flags & ~(static_cast<unsigned long long>(CLONE_NEWCGROUP) | kTimeSpace);
    if (sibling) args.flags |= CLONE_PARENT;
    args.exit_signal = sibling ? 0 : SIGCHLD;
    if (cgroup_fd >= 0) {
        clone_args born = args;
        born.flags |= CLONE_INTO_CGROUP;
        born.cgroup = static_cast<std::uint64_t>(cgroup_fd);
        long pid = ::syscall(SYS_clone3, &born, sizeof born);
        if (pid >= 0 && born_inside != nullptr) *born_inside = true;
        if (pid >= 0) return static_cast<pid_t>(pid);
    }
    long pid = ::syscall(SYS_clone3, &args, sizeof args);
    if (pid < 0 && (errno == ENOSYS || errno == EPERM)) {
        unsigned long long raw = args.flags | SIGCHLD;
        pid = ::syscall(SYS_clone, raw, nullptr, nullptr, nullptr, nullptr);
    }
    if (pid < 0) return fail_errno("clone");
    return static_cast<pid_t>(pid);
}

}  // namespace berth::executor
