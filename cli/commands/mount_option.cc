#include "cli/commands/mount_option.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cctype>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <set>
#include <string_view>
#include <vector>

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

// One line of CSV, as Go reads it: a field that begins with a quote ends with one, and holds commas; two
// quotes stand for one.
Result<std::vector<std::string>> fields(const std::string& text) {
    if (text.empty()) return bad("EOF");
    auto wrong = [](std::size_t at, const char* what) {
        return bad(fmt::format("parse error on line 1, column {}: {}", at + 1, what));
    };
    std::vector<std::string> out;
    std::size_t at = 0;
    while (true) {
        out.emplace_back();
        if (at < text.size() && text[at] == '"') {
            for (++at;; ++at) {
                if (at == text.size()) return wrong(at, "extraneous or missing \" in quoted-field");
                if (text[at] != '"') {
                    out.back() += text[at];
                } else if (at + 1 < text.size() && text[at + 1] == '"') {
                    out.back() += text[at++];
                } else {
                    break;
                }
            }
            ++at;
            if (at < text.size() && text[at] != ',')
                return wrong(at - 1, "extraneous or missing \" in quoted-field");
        } else {
            for (; at < text.size() && text[at] != ','; ++at) {
                if (text[at] == '"') return wrong(at, "bare \" in non-quoted-field");
                out.back() += text[at];
            }
        }
        if (at == text.size()) return out;
        ++at;
    }
}

std::string lower(std::string text) {
    for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return text;
}

struct Field {
    std::string key;  // in lower case
    std::string value;
    bool has_value = false;

    Failure invalid() const { return bad(fmt::format("invalid value for {}: {}", key, value)); }
    // As Go's strconv.ParseBool; a key alone is true.
    Result<bool> boolean() const {
        if (!has_value) return true;
        for (const char* word : {"1", "t", "T", "TRUE", "true", "True"})
            if (value == word) return true;
        for (const char* word : {"0", "f", "F", "FALSE", "false", "False"})
            if (value == word) return false;
        return invalid();
    }
    // "NAME=WHAT" into an object.
    void into(Json& object) const {
        auto equals = value.find('=');
        object[value.substr(0, equals)] = equals == std::string::npos ? "" : value.substr(equals + 1);
    }
};

Result<> set_recursion(Json& options, const Field& field) {
    if (field.value == "disabled") {
        options["NonRecursive"] = true;
    } else if (field.value == "writable") {
        options["ReadOnlyNonRecursive"] = true;
    } else if (field.value == "readonly") {
        options["ReadOnlyForceRecursive"] = true;
    } else {
        return bad(fmt::format(
            "invalid value for {}: {} (must be \"enabled\", \"disabled\", \"writable\", or \"readonly\")",
            field.key, field.value));
    }
    return {};
}

Result<> set_bind(Json& mount, const Field& field) {
    if (field.key == "bind-recursive" && field.value == "enabled") return {};
    Json& options = mount["BindOptions"];
    if (field.key == "bind-propagation") {
        options["Propagation"] = lower(field.value);
    } else if (field.key == "bind-nonrecursive") {
        BERTH_TRY(options["NonRecursive"], field.boolean());
    } else if (field.key == "bind-create-src") {
        BERTH_TRY(options["CreateMountpoint"], field.boolean());
    } else {
        return set_recursion(options, field);
    }
    return {};
}

Result<> set_volume(Json& mount, const Field& field) {
    Json& options = mount["VolumeOptions"];
    if (field.key == "volume-nocopy") {
        BERTH_TRY(options["NoCopy"], field.boolean());
    } else if (field.key == "volume-subpath") {
        options["Subpath"] = field.value;
    } else if (field.key == "volume-driver") {
        options["DriverConfig"]["Name"] = field.value;
    } else if (field.key == "volume-label") {
        field.into(options["Labels"]);
    } else {
        field.into(options["DriverConfig"]["Options"]);
    }
    return {};
}

Result<> set_tmpfs(Json& mount, const Field& field) {
    Json& options = mount["TmpfsOptions"];
    if (field.key == "tmpfs-size") {
        auto size = parse_bytes(field.value);
        if (!size || *size < 0) return field.invalid();
        options["SizeBytes"] = *size;
        return {};
    }
    char* end = nullptr;
    errno = 0;
    unsigned long mode = std::strtoul(field.value.c_str(), &end, 8);
    bool digits = !field.value.empty() && field.value.find_first_not_of("01234567") == std::string::npos;
    if (!digits || errno != 0 || mode > UINT32_MAX) return field.invalid();
    options["Mode"] = mode;
    return {};
}

Result<> set(Json& mount, const Field& field, const std::string& whole) {
    static const std::set<std::string_view> kBind{"bind-propagation", "bind-nonrecursive", "bind-recursive",
                                                  "bind-create-src"};
    static const std::set<std::string_view> kVolume{"volume-nocopy", "volume-subpath", "volume-driver",
                                                    "volume-label", "volume-opt"};
    const std::string& key = field.key;
    if (kBind.contains(key)) return set_bind(mount, field);
    if (kVolume.contains(key)) return set_volume(mount, field);
    if (key == "tmpfs-size" || key == "tmpfs-mode") return set_tmpfs(mount, field);
    if (key == "type") {
        mount["Type"] = lower(field.value);
    } else if (key == "source" || key == "src") {
        mount["Source"] = field.value.starts_with(".") ? absolute(field.value) : field.value;
    } else if (key == "target" || key == "dst" || key == "destination") {
        mount["Target"] = field.value;
    } else if (key == "readonly" || key == "ro") {
        BERTH_TRY(mount["ReadOnly"], field.boolean());
    } else if (key == "consistency") {
        mount["Consistency"] = lower(field.value);
    } else if (key == "image-subpath") {
        mount["ImageOptions"]["Subpath"] = field.value;
    } else {
        return bad(fmt::format("unexpected key '{}' in '{}'", key, whole));
    }
    return {};
}

bool may_stand_alone(const std::string& key) {
    return key == "readonly" || key == "ro" || key == "volume-nocopy" || key == "bind-nonrecursive" ||
           key == "bind-create-src";
}

// What fits together, in the order docker looks at it.
Result<> check(const Json& mount) {
    const std::string type = text_of(mount, "Type");
    if (type.empty()) return bad("type is required");
    if (text_of(mount, "Target").empty()) return bad("target is required");
    for (const char* kind : {"volume", "bind", "image", "tmpfs"}) {
        std::string options = std::string(kind) + "Options";
        options[0] = static_cast<char>(std::toupper(options[0]));
        if (mount.contains(options) && type != kind)
            return bad(fmt::format("cannot mix '{}-*' options with mount type '{}'", kind, type));
    }
    const Json bind = mount.value("BindOptions", Json::object());
    const bool read_only = mount.value("ReadOnly", false);
    auto requires_that = [](const char* option, const char* other) {
        return bad(fmt::format("option 'bind-recursive={}' requires '{}' to be specified in conjunction",
                               option, other));
    };
    if (bind.value("ReadOnlyNonRecursive", false) && !read_only) return requires_that("writable", "readonly");
    if (bind.value("ReadOnlyForceRecursive", false)) {
        if (!read_only) return requires_that("readonly", "readonly");
        if (text_of(bind, "Propagation") != "rprivate")
            return requires_that("readonly", "bind-propagation=rprivate");
    }
    return {};
}

Result<Json> parse_mount(const std::string& text) {
    Json mount = {{"Type", "volume"}};
    BERTH_TRY(const auto parts, fields(text));
    for (const std::string& part : parts) {
        auto equals = part.find('=');
        Field field{lower(part.substr(0, equals)), "", equals != std::string::npos};
        if (field.has_value) field.value = part.substr(equals + 1);
        if (!field.has_value && !may_stand_alone(field.key))
            return bad(fmt::format("invalid field '{}' must be a key=value pair", part));
        BERTH_CHECK(set(mount, field, part));
    }
    BERTH_CHECK(check(mount));
    return mount;
}

}  // namespace

Result<std::string> bind_option(const std::string& text) {
    if (text.empty()) return bad("invalid empty volume spec");
    if (text.starts_with(":") || text.ends_with(":") || text.find("::") != std::string::npos)
        return bad(fmt::format("invalid spec: {}: empty section between colons", text));
    auto colon = text.find(':');
    if (colon == std::string::npos || !text.starts_with(".")) return text;
    return absolute(text.substr(0, colon)) + text.substr(colon);
}

Result<Json> mount_option(const std::string& text) {
    return in(fmt::format("invalid argument \"{}\" for \"--mount\" flag", text), parse_mount(text));
}

}  // namespace berth::cli
