#include "cli/commands/mount_option.h"

#include <fmt/format.h>
#include <unistd.h>

#include <climits>
#include <filesystem>

#include "cli/output/units.h"

namespace berth::cli {

namespace {

Failure bad(std::string message) {
    return fail(ErrorKind::kInvalidArgument, std::move(message));
}

std::string absolute(const std::string& path) {
    std::error_code error;
    auto whole = std::filesystem::absolute(path, error);
    return error ? path : whole.lexically_normal().string();
}

// Comma-separated fields; a field in double quotes may hold commas.
std::vector<std::string> fields(const std::string& text) {
    std::vector<std::string> out(1);
    bool quoted = false;
    for (char c : text) {
        if (c == '"') {
            quoted = !quoted;
        } else if (c == ',' && !quoted) {
            out.emplace_back();
        } else {
            out.back() += c;
        }
    }
    return out;
}

Result<bool> boolean(const std::string& key, const std::string& value) {
    if (value.empty() || value == "true" || value == "1") return true;
    if (value == "false" || value == "0") return false;
    return bad(fmt::format("invalid value for {}: {}", key, value));
}

Result<> set(Json& mount, const std::string& key, const std::string& value) {
    if (key == "type") {
        mount["Type"] = value;
    } else if (key == "source" || key == "src") {
        mount["Source"] = value.starts_with(".") ? absolute(value) : value;
    } else if (key == "target" || key == "dst" || key == "destination") {
        mount["Target"] = value;
    } else if (key == "readonly" || key == "ro") {
        BERTH_TRY(mount["ReadOnly"], boolean(key, value));
    } else if (key == "consistency") {
        mount["Consistency"] = value;
    } else if (key == "bind-propagation") {
        mount["BindOptions"]["Propagation"] = value;
    } else if (key == "bind-nonrecursive") {
        BERTH_TRY(mount["BindOptions"]["NonRecursive"], boolean(key, value));
    } else if (key == "bind-recursive") {
        if (value == "disabled") {
            mount["BindOptions"]["NonRecursive"] = true;
        } else if (value == "writable") {
            mount["BindOptions"]["ReadOnlyNonRecursive"] = true;
        } else if (value == "readonly") {
            mount["BindOptions"]["ReadOnlyForceRecursive"] = true;
        } else if (value != "enabled") {
            return bad(
                fmt::format("invalid value for {}: {} (must be \"enabled\", \"disabled\", \"writable\", or "
                            "\"readonly\")",
                            key, value));
        }
    } else if (key == "volume-nocopy") {
        BERTH_TRY(mount["VolumeOptions"]["NoCopy"], boolean(key, value));
    } else if (key == "volume-subpath") {
        mount["VolumeOptions"]["Subpath"] = value;
    } else if (key == "volume-driver") {
        mount["VolumeOptions"]["DriverConfig"]["Name"] = value;
    } else if (key == "volume-label" || key == "volume-opt") {
        auto equals = value.find('=');
        std::string inner = equals == std::string::npos ? "" : value.substr(equals + 1);
        if (key == "volume-label") {
            mount["VolumeOptions"]["Labels"][value.substr(0, equals)] = inner;
        } else {
            mount["VolumeOptions"]["DriverConfig"]["Options"][value.substr(0, equals)] = inner;
        }
    } else if (key == "tmpfs-size") {
        BERTH_TRY(mount["TmpfsOptions"]["SizeBytes"], parse_bytes(value));
    } else if (key == "tmpfs-mode") {
        char* end = nullptr;
        long mode = std::strtol(value.c_str(), &end, 8);
        if (value.empty() || *end != '\0') return bad(fmt::format("invalid value for {}: {}", key, value));
        mount["TmpfsOptions"]["Mode"] = mode;
    } else {
        return bad(fmt::format("unexpected key '{}' in '{}={}'", key, key, value));
    }
    return {};
}

}  // namespace

Result<std::string> bind_option(const std::string& text) {
    auto colon = text.find(':');
    if (colon == 0) return bad(fmt::format("invalid spec: {}: empty section between colons", text));
    if (colon == std::string::npos || !text.starts_with(".")) return text;
    return absolute(text.substr(0, colon)) + text.substr(colon);
}

Result<Json> mount_option(const std::string& text) {
    Json mount = {{"Type", "volume"}};
    for (const std::string& field : fields(text)) {
        auto equals = field.find('=');
        std::string key = field.substr(0, equals);
        std::string value = equals == std::string::npos ? "" : field.substr(equals + 1);
        bool alone = key == "readonly" || key == "ro" || key == "volume-nocopy" || key == "bind-nonrecursive";
        if (equals == std::string::npos && !alone) {
            return bad(fmt::format(
                "invalid argument \"{}\" for \"--mount\" flag: invalid field '{}' must be a key=value "
                "pair",
                text, field));
        }
        auto done = set(mount, key, value);
        if (!done)
            return bad(
                fmt::format("invalid argument \"{}\" for \"--mount\" flag: {}", text, done.error().message));
    }
    if (text_of(mount, "Target").empty()) {
        return bad(fmt::format("invalid argument \"{}\" for \"--mount\" flag: target is required", text));
    }
    return mount;
}

}  // namespace berth::cli
