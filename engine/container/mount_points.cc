#include "engine/container/mount_points.h"

#include <sys/stat.h>

#include <algorithm>
#include <set>

namespace berth::container {

namespace {

Failure bad(std::string message) {
    return fail(ErrorKind::kInvalidArgument, std::move(message));
}

std::vector<std::string> split(const std::string& text, char separator) {
    std::vector<std::string> parts{""};
    for (char c : text) {
        if (c == separator)
            parts.emplace_back();
        else
            parts.back() += c;
    }
    return parts;
}

// As Go's path.Clean, for an absolute path.
std::string clean(const std::string& path) {
    std::vector<std::string> kept;
    for (const auto& part : split(path, '/')) {
        if (part.empty() || part == ".") continue;
        if (part != "..")
            kept.push_back(part);
        else if (!kept.empty())
            kept.pop_back();
    }
    std::string out;
    for (const auto& part : kept) out += "/" + part;
    return out.empty() ? "/" : out;
}

Result<std::string> check_target(const std::string& target) {
    if (target.find('\0') != target.npos) return bad("invalid mount path: it has a NUL byte");
    if (!target.starts_with('/'))
        return bad("invalid mount path: '" + target + "' mount path must be absolute");
    std::string path = clean(target);
    if (path == "/") return bad("invalid volume specification: destination can't be '/'");
    if (path == "/proc" || path.starts_with("/proc/")) {
        return bad("invalid mount path: '" + target + "' cannot be mounted over /proc");
    }
    return path;
}

bool is_propagation(const std::string& word) {
    static const std::set<std::string> kWords{"private", "rprivate", "shared", "rshared", "slave", "rslave"};
    return kWords.contains(word);
}

// SOURCE:TARGET[:MODE], TARGET alone for an anonymous volume.
Result<MountPoint> parse_bind(const std::string& spec) {
    auto parts = split(spec, ':');
    if (parts.size() > 3 || parts[0].empty()) return bad("invalid volume specification: '" + spec + "'");
    MountPoint mount;
    BERTH_TRY(mount.destination, check_target(parts.size() == 1 ? parts[0] : parts[1]));
    bool bind = parts.size() > 1 && parts[0].starts_with('/');
    mount.type = bind ? "bind" : "volume";
    mount.copy_up = !bind;
    if (bind) {
        mount.source = clean(parts[0]);
        mount.create_source = true;
        mount.propagation = "rprivate";
    } else {
        mount.driver = "local";
        if (parts.size() > 1) mount.name = parts[0];
        mount.anonymous = mount.name.empty();
    }
    if (parts.size() < 3) return mount;
    mount.mode = parts[2];
    for (const auto& word : split(parts[2], ',')) {
        if (word == "ro")
            mount.read_write = false;
        else if (word == "nocopy" && !bind)
            mount.copy_up = false;
        else if (is_propagation(word) && bind)
            mount.propagation = word;
        else if (word != "rw" && word != "z" && word != "Z" && !word.empty()) {
            return bad("invalid volume specification: '" + spec + "': invalid mode: " + parts[2]);
        }
    }
    return mount;
}

Failure invalid_mount(const types::MountRequest& request, const std::string& why) {
    return bad("invalid mount config for type \"" + request.type + "\": " + why);
}

Result<> fill_bind(const types::MountRequest& request, MountPoint& mount) {
    mount.source = clean(request.source);
    mount.propagation = "rprivate";
    if (!request.source.starts_with('/'))
        return invalid_mount(request,
                             "invalid mount path: '" + request.source + "' mount path must be absolute");
    if (request.bind_options) {
        const auto& options = *request.bind_options;
        if (!options.propagation.empty()) mount.propagation = options.propagation;
        if (!is_propagation(mount.propagation))
            return invalid_mount(request, "invalid propagation mode: " + mount.propagation);
        mount.create_source = options.create_mountpoint;
        if (options.non_recursive) mount.options.push_back("bind");
        if (options.read_only_non_recursive || options.read_only_force_recursive) {
            return fail(ErrorKind::kNotImplemented,
                        "BindOptions.ReadOnlyNonRecursive and ReadOnlyForceRecursive are not supported yet");
        }
    }
    struct stat found{};
    if (!mount.create_source && ::stat(mount.source.c_str(), &found) != 0) {
        return invalid_mount(request, "bind source path does not exist: " + request.source);
    }
    return {};
}

Result<> fill_volume(const types::MountRequest& request, MountPoint& mount) {
    mount.name = request.source;
    mount.anonymous = request.source.empty();
    mount.driver = "local";
    mount.mode = "z";
    mount.copy_up = true;
    if (!request.volume_options) return {};
    const auto& options = *request.volume_options;
    mount.copy_up = !options.no_copy;
    if (!options.subpath.empty())
        return fail(ErrorKind::kNotImplemented, "VolumeOptions.Subpath is not supported yet");
    if (!options.labels.empty())
        return fail(ErrorKind::kNotImplemented, "VolumeOptions.Labels is not supported yet");
    bool driver = options.driver_config &&
                  (!options.driver_config->options.empty() ||
                   (!options.driver_config->name.empty() && options.driver_config->name != "local"));
    if (driver) return fail(ErrorKind::kNotImplemented, "VolumeOptions.DriverConfig is not supported yet");
    return {};
}

Result<> fill_tmpfs(const types::MountRequest& request, MountPoint& mount) {
    if (!request.source.empty()) return invalid_mount(request, "field Source must not be specified");
    if (!request.tmpfs_options) return {};
    const auto& options = *request.tmpfs_options;
    if (options.size_bytes > 0) mount.options.push_back("size=" + std::to_string(options.size_bytes));
    if (options.mode > 0) {
        char mode[16];
        std::snprintf(mode, sizeof mode, "mode=%o", static_cast<unsigned>(options.mode & 07777));
        mount.options.push_back(mode);
    }
    if (!options.options.empty())
        return fail(ErrorKind::kNotImplemented, "TmpfsOptions.Options is not supported yet");
    return {};
}

Result<MountPoint> parse_mount(const types::MountRequest& request) {
    MountPoint mount;
    mount.type = request.type;
    mount.read_write = !request.read_only;
    if (request.target.empty()) return invalid_mount(request, "field Target must not be empty");
    BERTH_TRY(mount.destination, check_target(request.target));
    if (request.type == "bind") {
        if (request.source.empty()) return invalid_mount(request, "field Source must not be empty");
        BERTH_CHECK(fill_bind(request, mount));
    } else if (request.type == "volume") {
        BERTH_CHECK(fill_volume(request, mount));
    } else if (request.type == "tmpfs") {
        BERTH_CHECK(fill_tmpfs(request, mount));
    } else {
        return bad("invalid mount config: mount type \"" + request.type + "\" is not supported");
    }
    return mount;
}

}  // namespace

Result<std::vector<MountPoint>> plan_mounts(const types::ContainerConfig& config,
                                            const types::HostConfig& host) {
    std::vector<MountPoint> mounts;
    std::set<std::string> targets;
    auto add = [&](MountPoint mount) -> Result<> {
        if (!targets.insert(mount.destination).second)
            return bad("Duplicate mount point: " + mount.destination);
        mounts.push_back(std::move(mount));
        return {};
    };
    for (const auto& spec : host.binds) {
        BERTH_TRY(auto mount, parse_bind(spec));
        BERTH_CHECK(add(std::move(mount)));
    }
    for (const auto& request : host.mounts) {
        BERTH_TRY(auto mount, parse_mount(request));
        BERTH_CHECK(add(std::move(mount)));
    }
    for (const auto& [target, options] : host.tmpfs) {
        MountPoint mount;
        mount.type = "tmpfs";
        BERTH_TRY(mount.destination, check_target(target));
        for (const auto& word : split(options, ',')) {
            if (word == "ro")
                mount.read_write = false;
            else if (!word.empty())
                mount.options.push_back(word);
        }
        BERTH_CHECK(add(std::move(mount)));
    }
    for (const auto& target : config.volumes) {
        MountPoint mount;
        mount.type = "volume";
        mount.driver = "local";
        mount.anonymous = mount.copy_up = true;
        BERTH_TRY(mount.destination, check_target(target));
        if (!targets.contains(mount.destination)) BERTH_CHECK(add(std::move(mount)));
    }
    auto depth = [](const MountPoint& mount) {
        return std::count(mount.destination.begin(), mount.destination.end(), '/');
    };
    std::stable_sort(mounts.begin(), mounts.end(),
                     [&](const auto& a, const auto& b) { return depth(a) < depth(b); });
    return mounts;
}

}  // namespace berth::container
