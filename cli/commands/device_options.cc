#include "cli/commands/device_options.h"

#include <fmt/format.h>

#include <charconv>
#include <optional>

#include "cli/output/units.h"

namespace berth::cli {

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

// "vendor.com/class=name": a name of the Container Device Interface, not a path.
bool is_cdi_name(const std::string& text) {
    auto slash = text.find('/'), equals = text.find('=');
    return slash != text.npos && slash > 0 && equals != text.npos && equals > slash + 1 &&
           equals + 1 < text.size();
}

Result<Json> device(const std::string& text) {
    const auto parts = split(text, ':');
    if (parts.size() > 3 || parts[0].empty()) return bad("invalid device specification: " + text);
    std::string target = parts[0], permissions = "rwm";
    if (parts.size() == 2 && parts[1].find_first_not_of("rwm") == std::string::npos) {
        permissions = parts[1];
    } else if (parts.size() > 1) {
        target = parts[1];
        if (parts.size() == 3) permissions = parts[2];
    }
    return Json{{"PathOnHost", parts[0]}, {"PathInContainer", target}, {"CgroupPermissions", permissions}};
}

std::optional<std::uint64_t> number(const std::string& text) {
    std::uint64_t value = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return value;
}

// "PATH:VALUE"
Result<std::pair<std::string, std::string>> path_and_value(const std::string& text) {
    auto colon = text.rfind(':');
    if (colon == text.npos || colon == 0) return bad("bad format: " + text);
    if (!text.starts_with("/dev/")) return bad("bad format for device path: " + text);
    return std::pair(text.substr(0, colon), text.substr(colon + 1));
}

Result<Json> weight(const std::string& text) {
    BERTH_TRY(auto parts, path_and_value(text));
    auto value = number(parts.second);
    if (!value || (*value != 0 && (*value < 10 || *value > 1000)))
        return bad("invalid weight for device: " + text);
    return Json{{"Path", parts.first}, {"Weight", *value}};
}

Result<Json> rate(const std::string& text, bool bytes) {
    BERTH_TRY(auto parts, path_and_value(text));
    if (bytes) {
        auto value = parse_bytes(parts.second);
        if (value && *value >= 0) return Json{{"Path", parts.first}, {"Rate", *value}};
        return bad(
            "invalid rate for device: " + text +
            ". The correct format is <device-path>:<number>[<unit>]. Number must be a positive integer. "
            "Unit is optional and can be kb, mb, or gb");
    }
    if (auto value = number(parts.second)) return Json{{"Path", parts.first}, {"Rate", *value}};
    return bad("invalid rate for device: " + text +
               ". The correct format is <device-path>:<number>. Number must be a positive integer");
}

// One line of comma-separated values; a field in quotes may have commas.
std::vector<std::string> fields_of(const std::string& line) {
    std::vector<std::string> fields{""};
    bool quoted = false;
    for (char c : line) {
        if (c == '"')
            quoted = !quoted;
        else if (c == ',' && !quoted)
            fields.emplace_back();
        else
            fields.back() += c;
    }
    return fields;
}

Result<> set_count(const std::string& text, Json& request) {
    auto value = number(text);
    if (text != "all" && !value)
        return bad(fmt::format(R"(invalid count ({0}): value must be either "all" or an integer: )"
                               R"(strconv.Atoi: parsing "{0}": invalid syntax)",
                               text));
    request["Count"] = text == "all" ? -1 : static_cast<std::int64_t>(*value);
    return {};
}

// --gpus all | 2 | device=…,capabilities=…,driver=…,options=…
Result<Json> gpus(const std::string& text) {
    Json request = {{"Driver", ""},
                    {"Count", 0},
                    {"DeviceIDs", nullptr},
                    {"Options", Json::object()},
                    {"Capabilities", {{"gpu"}}}};
    bool counted = false;
    for (const auto& field : fields_of(text)) {
        auto equals = field.find('=');
        std::string key = field.substr(0, equals);
        std::string value = equals == field.npos ? "" : field.substr(equals + 1);
        if (equals == field.npos || key == "count") {
            BERTH_CHECK(set_count(equals == field.npos ? field : value, request));
            counted = true;
        } else if (key == "driver") {
            request["Driver"] = value;
        } else if (key == "device") {
            request["DeviceIDs"] = split(value, ',');
        } else if (key == "capabilities") {
            auto wanted = split(value, ',');
            wanted.emplace_back("gpu");
            request["Capabilities"] = Json::array({wanted});
        } else if (key == "options") {
            for (const auto& option : split(value, ',')) {
                auto at = option.find('=');
                request["Options"][option.substr(0, at)] = at == option.npos ? "" : option.substr(at + 1);
            }
        } else {
            return bad(fmt::format("unexpected key '{}' in '{}'", key, field));
        }
    }
    if (!counted && request["DeviceIDs"].is_null()) request["Count"] = 1;
    return request;
}

}  // namespace

void DeviceOptions::add_flags(Flags& f) {
    f.list("device", &devices_, "Add a host device to the container");
    f.list("device-cgroup-rule", &rules_, "Add a rule to the cgroup allowed devices list");
    f.list("gpus", &gpus_, "GPU devices to add to the container ('all' to pass all GPUs)");
    f.list("blkio-weight-device", &weights_, "Block IO weight (relative device weight)");
    f.list("device-read-bps", &read_bps_, "Limit read rate (bytes per second) from a device");
    f.list("device-read-iops", &read_iops_, "Limit read rate (IO per second) from a device");
    f.list("device-write-bps", &write_bps_, "Limit write rate (bytes per second) to a device");
    f.list("device-write-iops", &write_iops_, "Limit write rate (IO per second) to a device");
}

Result<> DeviceOptions::add_to(Json& host) const {
    Json requests = Json::array(), names = Json::array();
    for (const auto& item : gpus_) {
        BERTH_TRY(Json request, gpus(item));
        requests.push_back(std::move(request));
    }
    for (const auto& item : devices_) {
        if (is_cdi_name(item)) {
            names.push_back(item);
            continue;
        }
        BERTH_TRY(Json mapped, device(item));
        host["Devices"].push_back(std::move(mapped));
    }
    if (!names.empty()) requests.push_back({{"Driver", "cdi"}, {"DeviceIDs", std::move(names)}});
    if (!requests.empty()) host["DeviceRequests"] = std::move(requests);
    if (!rules_.empty()) host["DeviceCgroupRules"] = rules_;
    for (const auto& item : weights_) {
        BERTH_TRY(Json limit, weight(item));
        host["BlkioWeightDevice"].push_back(std::move(limit));
    }
    const struct {
        const char* key;
        const std::vector<std::string>& items;
        bool bytes;
    } rates[] = {{"BlkioDeviceReadBps", read_bps_, true},
                 {"BlkioDeviceWriteBps", write_bps_, true},
                 {"BlkioDeviceReadIOps", read_iops_, false},
                 {"BlkioDeviceWriteIOps", write_iops_, false}};
    for (const auto& [key, items, bytes] : rates) {
        for (const auto& item : items) {
            BERTH_TRY(Json limit, rate(item, bytes));
            host[key].push_back(std::move(limit));
        }
    }
    return {};
}

}  // namespace berth::cli
