#include "engine/spec/devices.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <system_error>

#include "engine/base/files.h"

namespace berth::spec {

namespace {

// Folders of /dev that belong to the container's own mounts or to the host's tools.
constexpr std::array<std::string_view, 7> kSkipped{"pts",  "shm",         "fd",   "mqueue",
                                                   ".lxc", ".lxd-mounts", ".udev"};

std::optional<oci::Device> device_of(const struct stat& info, std::string path) {
    oci::Device out;
    if (S_ISCHR(info.st_mode)) {
        out.type = "c";
    } else if (S_ISBLK(info.st_mode)) {
        out.type = "b";
    } else {
        return std::nullopt;
    }
    out.path = std::move(path);
    out.major = major(info.st_rdev);
    out.minor = minor(info.st_rdev);
    out.file_mode = info.st_mode & 07777;
    out.uid = info.st_uid;
    out.gid = info.st_gid;
    return out;
}

// Every device node below `folder`, as it would be seen below `shown`. Links are passed over.
Result<> walk(const std::string& folder, const std::string& shown, std::vector<oci::Device>& out) {
    BERTH_TRY(auto names, list_folder(folder));
    std::sort(names.begin(), names.end());
    for (const auto& name : names) {
        struct stat info{};
        const std::string path = folder + "/" + name;
        if (lstat(path.c_str(), &info) != 0) continue;
        if (S_ISDIR(info.st_mode)) {
            if (std::find(kSkipped.begin(), kSkipped.end(), name) != kSkipped.end()) continue;
            BERTH_CHECK(walk(path, shown + "/" + name, out));
        } else if (name != "console" && name != "ptmx") {  // the runtime makes the container's own
            if (auto device = device_of(info, shown + "/" + name)) out.push_back(std::move(*device));
        }
    }
    return {};
}

bool valid_access(std::string_view access) {
    return !access.empty() && access.size() <= 3 && access.find_first_not_of("rwm") == std::string_view::npos;
}

Result<> add_mapping(const DeviceMapping& mapping, std::string_view access, oci::Linux& section) {
    auto gathering = [&](const std::string& why) {
        return fail(ErrorKind::kInvalidArgument,
                    "error gathering device information while adding custom device \"" + mapping.host_path +
                        "\": " + why);
    };
    if (!valid_access(access)) {
        return fail(ErrorKind::kInvalidArgument, "invalid device mode: " + std::string(access));
    }
    struct stat info{};
    if (stat(mapping.host_path.c_str(), &info) != 0) {
        return gathering(errno == ENOENT ? "no such file or directory"
                                         : std::generic_category().message(errno));
    }
    std::vector<oci::Device> found;
    const std::string target = mapping.path.empty() ? mapping.host_path : mapping.path;
    if (auto one = device_of(info, target)) {
        found.push_back(std::move(*one));
    } else if (S_ISDIR(info.st_mode)) {
        BERTH_CHECK(walk(mapping.host_path, target, found));
    }
    if (found.empty()) return gathering("not a device node");
    for (auto& device : found) {
        section.resources->devices.push_back(
            {true, device.type, device.major, device.minor, std::string(access)});
        section.devices.push_back(std::move(device));
    }
    return {};
}

// "*" or a number; false for anything else.
bool read_number(std::string_view text, std::optional<std::int64_t>& out) {
    if (text == "*") {
        out = -1;
        return true;
    }
    std::int64_t number = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size() || number < 0 || number > UINT32_MAX)
        return false;
    out = number;
    return true;
}

// "TYPE MAJOR:MINOR ACCESS"
Result<oci::DeviceRule> parse_rule(const std::string& text) {
    auto invalid = fail(ErrorKind::kInvalidArgument, "invalid device cgroup rule format: '" + text + "'");
    oci::DeviceRule rule;
    rule.allow = true;
    const auto first = text.find(' ');
    const auto last = text.rfind(' ');
    if (first != 1 || last == first) return invalid;
    rule.type = text.substr(0, 1);
    rule.access = text.substr(last + 1);
    const std::string_view numbers = std::string_view(text).substr(2, last - 2);
    const auto colon = numbers.find(':');
    if (std::string_view("acb").find(rule.type) == std::string_view::npos || !valid_access(rule.access) ||
        colon == std::string_view::npos || !read_number(numbers.substr(0, colon), rule.major) ||
        !read_number(numbers.substr(colon + 1), rule.minor)) {
        return invalid;
    }
    return rule;
}

}  // namespace

Result<> add_devices(const ContainerSpec& from, oci::Linux& section) {
    if (from.privileged) {
        BERTH_CHECK(walk("/dev", "/dev", section.devices));
        for (const auto& mapping : from.devices) {
            if (mapping.path.empty() || mapping.path == mapping.host_path) continue;
            BERTH_CHECK(add_mapping(mapping, "rwm", section));
        }
        oci::DeviceRule all;
        all.allow = true;
        all.access = "rwm";
        section.resources->devices = {all};
        return {};
    }
    for (const auto& mapping : from.devices) BERTH_CHECK(add_mapping(mapping, mapping.access, section));
    for (const auto& text : from.device_cgroup_rules) {
        BERTH_TRY(auto rule, parse_rule(text));
        section.resources->devices.push_back(std::move(rule));
    }
    return {};
}

}  // namespace berth::spec
