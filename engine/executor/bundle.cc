#include "engine/executor/bundle.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdlib>

#include "engine/base/files.h"
#include "engine/cgroup/settings.h"
#include "engine/executor/capabilities.h"
#include "engine/executor/delegation.h"
#include "engine/executor/net_devices.h"
#include "engine/executor/report.h"
#include "engine/executor/socket_calls.h"
#include "engine/executor/spec_check.h"
#include "engine/sys/pidfd.h"

namespace berth::executor {

namespace {

Failure bad(std::string message) {
    return fail(ErrorKind::kInvalidArgument, std::move(message));
}

// What every container may do with devices, whatever its rules say: make any node, and use the basic ones,
// the terminals and tun. runc adds the same, and callers count on it.
void complete_device_rules(std::vector<oci::DeviceRule>& rules) {
    // Nothing is allowed that no rule allows: a fresh cgroup of version 1 has its parent's rules.
    rules.insert(rules.begin(), oci::DeviceRule{false, "a", {}, {}, "rwm"});
    const oci::DeviceRule basic[] = {
        {true, "c", {}, {}, "m"}, {true, "b", {}, {}, "m"},   {true, "c", 1, 3, "rwm"},
        {true, "c", 1, 8, "rwm"}, {true, "c", 1, 7, "rwm"},   {true, "c", 5, 0, "rwm"},
        {true, "c", 1, 5, "rwm"}, {true, "c", 1, 9, "rwm"},   {true, "c", 136, {}, "rwm"},
        {true, "c", 5, 2, "rwm"}, {true, "c", 10, 200, "rwm"}};
    rules.insert(rules.end(), std::begin(basic), std::end(basic));
}

bool limits_anything(const oci::Resources& resources) {
    oci::Resources rest = resources;
    rest.devices.clear();
    return !(rest == oci::Resources{});
}

bool not_allowed(const Error& error) {
    return error.sys_errno == EACCES || error.sys_errno == EPERM || error.sys_errno == EROFS;
}

// Sources of binds are relative to the bundle; a target that names the root again means what is inside.
void settle(const ContainerState& state, oci::SpecMount& mount) {
    auto has = [&](const char* word) {
        return std::find(mount.options.begin(), mount.options.end(), word) != mount.options.end();
    };
    bool bind = mount.type == "bind" || has("bind") || has("rbind");
    if (bind && !mount.source.starts_with("/")) mount.source = state.bundle + "/" + mount.source;
    if (mount.destination.starts_with(state.rootfs + "/"))
        mount.destination = mount.destination.substr(state.rootfs.size());
}

// "pipe:[123]", "/dev/null"
std::vector<std::string> own_streams_by_name() {
    std::vector<std::string> out;
    for (int fd : {0, 1, 2}) {
        char name[PATH_MAX];
        ssize_t length = ::readlink(("/proc/self/fd/" + std::to_string(fd)).c_str(), name, sizeof name);
        out.emplace_back(name, static_cast<std::size_t>(std::max<ssize_t>(length, 0)));
    }
    return out;
}

}  // namespace

Result<Bundle> read_bundle(const Options& options, const std::string& id) {
    Bundle out{.filters = FilterCache(options.root)};
    oci::RuntimeSpec& spec = out.spec;
    ContainerState& state = out.state;
    state.id = id;
    BERTH_CHECK(check_id(id));
    char resolved[PATH_MAX];
    if (::realpath(options.bundle.c_str(), resolved) == nullptr) return fail_errno("chdir " + options.bundle);
    state.bundle = resolved;
    auto text = read_file(state.bundle + "/config.json");
    if (!text && text.error().sys_errno == ENOENT)
        return bad("JSON specification file config.json not found");
    if (!text) return Failure(std::move(text.error()));
    out.config = std::move(*text);
    BERTH_TRY(spec, out.filters.parse(out.config));
    BERTH_CHECK(check_spec(spec, options));
    BERTH_TRY(out.spaces, spaces_of(spec));
    BERTH_CHECK(check_net_devices(spec, out.spaces, options));
    if (spec.process->capabilities) {
        std::string unknown = unavailable_capabilities(*spec.process->capabilities);
        if (!unknown.empty())
            warn(options, "ignoring unknown or unavailable capabilities: [" + unknown + "]");
    }
    const std::string& root = spec.root.path;
    std::string path = root.starts_with("/") ? root : state.bundle + "/" + root;
    if (::realpath(path.c_str(), resolved) == nullptr) return fail_errno("invalid rootfs: stat " + path);
    // Links up to the root are the caller's own; the root itself has to be what it says.
    state.rootfs = resolved;
    for (oci::SpecMount& mount : spec.mounts) settle(state, mount);
    state.oci_version = spec.oci_version;
    state.annotations = spec.annotations;
    state.owner = ::getuid();
    state.own_pids = out.spaces.has(CLONE_NEWPID);
    state.hooks = !spec.hooks.poststart.empty() || !spec.hooks.poststop.empty();
    state.streams = spec.process->terminal ? std::vector<std::string>(3) : own_streams_by_name();
    return out;
}

Result<> make_state_folder(const Options& options, const Bundle& bundle, UndoStack& undo) {
    BERTH_CHECK(make_folders(options.root, 0700));
    std::string folder = state_folder(options.root, bundle.state.id);
    if (::mkdir(folder.c_str(), 0700) != 0) {
        if (errno == EEXIST) return fail(ErrorKind::kConflict, "container with given ID already exists");
        return fail_errno("mkdir " + folder);
    }
    undo.push([folder] { (void)remove_tree(folder).has_value(); });
    return write_file(folder + "/config.json", bundle.config);
}

Result<cgroup::Cgroup> find_cgroup(const Options& options, const oci::RuntimeSpec& spec,
                                   ContainerState& state, UndoStack& undo) {
    BERTH_TRY(state.layout, cgroup::current_layout());
    BERTH_TRY(state.places, cgroup::places_of(state.layout, spec.linux_.cgroups_path, state.id));
    BERTH_TRY(cgroup::Cgroup group, cgroup_of(state));
    BERTH_CHECK(group.check_free());
    bool may_go_without = options.rootless && spec.linux_.cgroups_path.empty();
    auto made = group.create(may_go_without ? cgroup::Cgroup::Part::kAll : cgroup::Cgroup::Part::kUnified);
    if (!made && may_go_without && not_allowed(made.error())) {
        // Without privileges, and nobody has set a cgroup aside: the caller's own it is, without limits.
        state.places.clear();
        BERTH_TRY(group, cgroup_of(state));
        if (spec.linux_.resources && limits_anything(*spec.linux_.resources))
            return fail(ErrorKind::kForbidden,
                        "cannot set limits: container could not join or create cgroup");
        return group;
    }
    BERTH_CHECK(std::move(made));
    undo.push([group] { (void)group.remove().has_value(); });
    return group;
}

Result<> make_cgroup(const Options& options, const oci::RuntimeSpec& spec, ContainerState& state,
                     const cgroup::Cgroup& group) {
    if (state.places.empty()) return {};
    BERTH_CHECK(group.create(cgroup::Cgroup::Part::kVersion1));
    oci::Resources resources = spec.linux_.resources.value_or(oci::Resources());
    complete_device_rules(resources.devices);
    for (const std::string& name : cgroup::without_effect(resources, group.unified_only()))
        warn(options, "resources." + name + " has no effect with this host's cgroups");
    auto applied = group.apply(resources);
    bool given_up =
        !applied && options.rootless && not_allowed(applied.error()) && !limits_anything(resources);
    if (!given_up) BERTH_CHECK(std::move(applied));
    state.freezer = group.freezer_file();
    return delegate_cgroup(spec, group);
}

Result<> publish(const Options& options, const ContainerState& state) {
    BERTH_CHECK(publish_state(options.root, state));
    if (!options.pidfd_socket.empty()) {
        BERTH_TRY(UniqueFd init, sys::open_pidfd(state.pid));
        BERTH_TRY(UniqueFd socket, connect_unix(options.pidfd_socket));
        BERTH_CHECK(send_descriptor(socket.get(), init.get(), "standard"));
    }
    if (options.pid_file.empty()) return {};
    return replace_file(options.pid_file, std::to_string(state.pid), 0644, Sync::kNone);
}

}  // namespace berth::executor
