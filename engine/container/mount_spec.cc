#include "engine/container/mount_spec.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <set>
#include <string_view>

#include "engine/base/clean_path.h"
#include "engine/sys/proc_files.h"

namespace berth::container {

namespace {

Failure bad(std::string message) {
    return fail(ErrorKind::kInvalidArgument, std::move(message));
}

// An error of parse_mount(), and inside one of parse_bind().
Failure bad_config(const std::string& type, const std::string& why) {
    return bad("invalid mount config for type \"" + type + "\": " + why);
}

// At most `limit` parts; the last keeps its separators.
std::vector<std::string> split(const std::string& text, char separator, std::size_t limit = 1000) {
    std::vector<std::string> parts{""};
    for (char c : text) {
        if (c == separator && parts.size() < limit)
            parts.emplace_back();
        else
            parts.back() += c;
    }
    return parts;
}

// The reason alone, or the clean target.
Result<std::string> check_target(const std::string& target) {
    if (target.find('\0') != target.npos) return bad("invalid mount path: it has a NUL byte");
    std::string path = clean_path(target);
    if (path == "/") return bad("invalid specification: destination can't be '/'");
    if (!target.starts_with('/'))
        return bad("invalid mount path: '" + target + "' mount path must be absolute");
    if (!sys::may_mount_over(path)) {
        return bad("invalid mount path: '" + target + "' cannot be mounted because it is inside /proc");
    }
    return path;
}

// What the words of a mode say. Empty optional parts were not given.
struct Mode {
    bool read_only = false, no_copy = false;
    std::string propagation;
};

enum Kind { kAccess, kLabel, kPropagation, kCopy, kConsistency, kKinds };

std::optional<Kind> kind_of(const std::string& word) {
    static const std::map<std::string, Kind> kWords{{"ro", kAccess},
                                                    {"rw", kAccess},
                                                    {"z", kLabel},
                                                    {"Z", kLabel},
                                                    {"private", kPropagation},
                                                    {"rprivate", kPropagation},
                                                    {"slave", kPropagation},
                                                    {"rslave", kPropagation},
                                                    {"shared", kPropagation},
                                                    {"rshared", kPropagation},
                                                    {"nocopy", kCopy},
                                                    {"consistent", kConsistency},
                                                    {"cached", kConsistency},
                                                    {"delegated", kConsistency}};
    auto found = kWords.find(word);
    if (found == kWords.end()) return std::nullopt;
    return found->second;
}

// Nothing when it is no mode.
std::optional<Mode> parse_mode(const std::string& text) {
    Mode mode;
    if (text.empty()) return mode;
    std::array<int, kKinds> seen{};
    for (const auto& word : split(text, ',')) {
        auto kind = kind_of(word);
        if (!kind || ++seen[*kind] > 1) return std::nullopt;
        if (word == "ro") mode.read_only = true;
        if (*kind == kPropagation) mode.propagation = word;
        if (*kind == kCopy) mode.no_copy = true;
    }
    return mode;
}

Failure invalid_mode(const std::string& mode) {
    return bad("invalid mode: " + mode);
}

Result<> check_conflicts(const types::MountRequest& request) {
    auto only = [&](const char* type, bool given, const char* field) -> Result<> {
        if (!given || request.type == type) return {};
        return bad(fmt::format("{} must not be specified on mount type \"{}\"", field, request.type));
    };
    BERTH_CHECK(only("bind", request.bind_options.has_value(), "BindOptions"));
    BERTH_CHECK(only("volume", request.volume_options.has_value(), "VolumeOptions"));
    BERTH_CHECK(only("tmpfs", request.tmpfs_options.has_value(), "TmpfsOptions"));
    if (request.image_options && request.type != "image")
        return bad_config(request.type, "field ImageOptions must not be specified");
    return {};
}

Result<> check_read_only(const types::BindOptions& options, bool read_only) {
    constexpr const char* kConflict = "mount options conflict: ";
    auto conflict = [&](const std::string& what) { return bad(kConflict + what); };
    if (options.read_only_non_recursive && !read_only)
        return conflict("!ReadOnly && BindOptions.ReadOnlyNonRecursive");
    if (options.read_only_force_recursive && !read_only)
        return conflict("!ReadOnly && BindOptions.ReadOnlyForceRecursive");
    if (options.read_only_non_recursive && options.read_only_force_recursive)
        return conflict("ReadOnlyNonRecursive && BindOptions.ReadOnlyForceRecursive");
    return {};
}

Result<> fill_bind(const types::MountRequest& request, MountPoint& mount) {
    if (request.source.empty()) return bad_config("bind", "field Source must not be empty");
    mount.propagation = "rprivate";
    if (request.bind_options) {
        const auto& options = *request.bind_options;
        if (!options.propagation.empty()) {
            if (kind_of(options.propagation) != kPropagation)
                return bad_config("bind", "invalid propagation mode: " + options.propagation);
            mount.propagation = options.propagation;
            mount.own_propagation = true;
        }
        BERTH_CHECK(check_read_only(options, request.read_only));
        mount.create_source = options.create_mountpoint;
        mount.non_recursive = options.non_recursive;
        mount.read_only_non_recursive = options.read_only_non_recursive;
        mount.read_only_force_recursive = options.read_only_force_recursive;
    }
    if (!request.source.starts_with('/'))
        return bad_config("bind", "invalid mount path: '" + request.source + "' mount path must be absolute");
    if (request.source.find('\0') != std::string::npos)
        return bad_config("bind", "invalid mount path: it has a NUL byte");
    mount.source = clean_path(request.source);
    struct stat found{};
    if (!mount.create_source && ::stat(mount.source.c_str(), &found) != 0)
        return bad_config("bind", "bind source path does not exist: " + request.source);
    return {};
}

// As Go's filepath.IsLocal.
bool is_local(const std::string& path) {
    if (path.empty() || path.starts_with('/') || path.find('\0') != path.npos) return false;
    int depth = 0;
    for (const auto& part : split(path, '/')) {
        if (part.empty() || part == ".") continue;
        depth += part == ".." ? -1 : 1;
        if (depth < 0) return false;
    }
    return true;
}

Result<> set_subpath(const std::string& type, const std::string& subpath, MountPoint& mount) {
    if (subpath.empty()) return {};
    if (!is_local(subpath)) return bad_config(type, "subpath must be a relative path within the volume");
    mount.subpath = clean_path("/" + subpath).substr(1);
    return {};
}

void fill_volume(const std::string& name, const std::string& driver, MountPoint& mount) {
    mount.type = "volume";
    mount.name = name;
    mount.anonymous = name.empty();
    mount.driver = driver;
    mount.copy_up = true;
}

// SELinux's word for what several containers share; Docker shows it for local volumes.
void set_volume_mode(MountPoint& mount) {
    if ((mount.driver.empty() || mount.driver == "local") && mount.mode.empty()) mount.mode = "z";
}

Result<> fill_volume(const types::MountRequest& request, MountPoint& mount) {
    std::string driver;
    if (request.volume_options) {
        const auto& options = *request.volume_options;
        if (!options.subpath.empty() && request.source.empty())
            return bad_config("volume", "must not set Subpath when using anonymous volumes");
        BERTH_CHECK(set_subpath("volume", options.subpath, mount));
        mount.volume_labels = options.labels;
        if (options.driver_config) {
            driver = options.driver_config->name;
            mount.volume_options = options.driver_config->options;
        }
    }
    fill_volume(request.source, driver, mount);
    if (request.volume_options) mount.copy_up = !request.volume_options->no_copy;
    set_volume_mode(mount);
    return {};
}

Result<> fill_tmpfs(const types::MountRequest& request, MountPoint& mount) {
    if (!request.source.empty()) return bad_config("tmpfs", "field Source must not be specified");
    if (!request.tmpfs_options) return {};
    const auto& options = *request.tmpfs_options;
    if (options.mode != 0) mount.options.push_back(fmt::format("mode={:o}", options.mode));
    if (options.size_bytes != 0) mount.options.push_back("size=" + std::to_string(options.size_bytes));
    for (const auto& words : options.options) {
        if (words.empty() || words.size() > 2) return bad_config("tmpfs", "invalid option array length");
        if (words[0] != "exec" && words[0] != "noexec")
            return bad_config("tmpfs", "invalid option: " + words[0]);
        if (words.size() == 2) return bad_config("tmpfs", "invalid option: " + words[0] + " takes no value");
        mount.options.push_back(words[0]);
    }
    return {};
}

Result<> fill_image(const types::MountRequest& request, MountPoint& mount) {
    if (request.source.empty()) return bad_config("image", "field Source must not be empty");
    mount.name = request.source;
    mount.read_write = false;
    mount.propagation = "rprivate";
    if (!request.image_options) return {};
    return set_subpath("image", request.image_options->subpath, mount);
}

}  // namespace

Result<MountPoint> parse_bind(const std::string& spec, const std::string& driver) {
    const Failure invalid = bad("invalid volume specification: '" + spec + "'");
    auto parts = split(spec, ':', 4);
    if (parts.size() == 4 || parts[0].empty()) return invalid;
    if (parts.size() == 2 && parse_mode(parts[1])) return invalid;
    MountPoint mount;
    if (parts.size() == 3) mount.mode = parts[2];
    auto mode = parse_mode(mount.mode);
    if (!mode) return invalid_mode(mount.mode);
    mount.read_write = !mode->read_only;
    bool bind = parts.size() > 1 && parts[0].starts_with('/');
    auto fill = [&]() -> Result<> {
        const std::string type = bind ? "bind" : "volume";
        if (bind && mode->no_copy) return bad_config(type, "field VolumeOptions must not be specified");
        if (!bind && !mode->propagation.empty())
            return bad_config(type, "field BindOptions must not be specified");
        const std::string& target = parts.size() == 1 ? parts[0] : parts[1];
        if (target.empty()) return bad_config(type, "field Target must not be empty");
        auto checked = check_target(target);
        if (!checked) return bad_config(type, checked.error().message);
        mount.destination = *checked;
        if (!bind) {
            fill_volume(parts.size() == 1 ? "" : parts[0], driver, mount);
            mount.copy_up = !mode->no_copy;
            set_volume_mode(mount);
            return {};
        }
        if (parts[0].find('\0') != std::string::npos)
            return bad_config(type, "invalid mount path: it has a NUL byte");
        mount.type = "bind";
        mount.source = clean_path(parts[0]);
        mount.create_source = true;
        mount.own_propagation = !mode->propagation.empty();
        mount.propagation = mount.own_propagation ? mode->propagation : "rprivate";
        return {};
    };
    if (auto filled = fill(); !filled) return Failure(in(invalid.value().message, std::move(filled)).error());
    return mount;
}

Result<MountPoint> parse_mount(const types::MountRequest& request) {
    BERTH_CHECK(check_conflicts(request));
    MountPoint mount;
    mount.type = request.type;
    mount.read_write = !request.read_only;
    if (request.target.empty()) return bad_config(request.type, "field Target must not be empty");
    auto target = check_target(request.target);
    if (!target) return bad_config(request.type, target.error().message);
    mount.destination = *target;
    if (request.type == "bind") {
        BERTH_CHECK(fill_bind(request, mount));
    } else if (request.type == "volume") {
        BERTH_CHECK(fill_volume(request, mount));
    } else if (request.type == "tmpfs") {
        BERTH_CHECK(fill_tmpfs(request, mount));
    } else if (request.type == "image") {
        BERTH_CHECK(fill_image(request, mount));
    } else {
        return bad_config(request.type, "mount type unknown");
    }
    return mount;
}

Result<MountPoint> parse_tmpfs(const std::string& target, const std::string& options) {
    MountPoint mount;
    mount.type = "tmpfs";
    BERTH_TRY(mount.destination, check_target(target));
    if (options.empty()) return mount;
    for (const auto& word : split(options, ',')) {
        if (word == "ro")
            mount.read_write = false;
        else
            mount.options.push_back(word);
    }
    return mount;
}

Result<MountPoint> parse_volume(const std::string& target, const std::string& driver) {
    MountPoint mount;
    BERTH_TRY(mount.destination, in("invalid volume \"" + target + "\"",
                                    check_target(target.starts_with('/') ? target : "/" + target)));
    fill_volume("", driver, mount);
    return mount;
}

Result<VolumesFrom> parse_volumes_from(const std::string& spec) {
    if (spec.empty()) return bad("volumes-from specification cannot be an empty string");
    VolumesFrom out;
    auto colon = spec.find(':');
    out.container = spec.substr(0, colon);
    const std::string mode = colon == spec.npos ? "" : spec.substr(colon + 1);
    auto parsed = parse_mode(mode);
    if (!parsed || parsed->no_copy || !parsed->propagation.empty()) return invalid_mode(mode);
    out.read_write = !parsed->read_only;
    return out;
}

}  // namespace berth::container
