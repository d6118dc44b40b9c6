#include "engine/daemon/option_specials.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <limits>
#include <nlohmann/json.hpp>
#include <sstream>

#include "engine/base/size.h"
#include "engine/daemon/option_values.h"

namespace berth::daemon {

namespace {

using nlohmann::json;

constexpr auto kLeast = std::numeric_limits<std::int64_t>::min();
constexpr auto kMost = std::numeric_limits<std::int64_t>::max();

// runtimes

Result<> runtime_from_text(Config& config, const std::string& text) {
    auto equals = text.find('=');
    auto wrong = [&] { return invalid("invalid runtime argument: " + text); };
    if (equals == std::string::npos || equals == 0 || equals + 1 == text.size()) return wrong();
    auto clean = [](std::string word) {
        auto first = word.find_first_not_of(' ');
        auto last = word.find_last_not_of(' ');
        return first == std::string::npos ? std::string() : word.substr(first, last - first + 1);
    };
    std::string name = clean(text.substr(0, equals)), path = clean(text.substr(equals + 1));
    if (name.empty() || path.empty()) return wrong();
    std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
    if (name == "runc") return invalid("runtime name 'runc' is reserved");
    if (config.runtimes.contains(name)) return invalid("runtime '" + name + "' was already defined");
    config.runtimes[name].path = path;
    return {};
}

Result<Runtime> runtime_from(const json& value, const std::string& path) {
    if (!value.is_object()) return type_error(value, path, "system.Runtime");
    Runtime out;
    for (const auto& [key, item] : value.items()) {
        if (item.is_null()) continue;
        if (key == "runtimeArgs") {
            BERTH_CHECK(read_strings(item, path + ".runtimeArgs", out.arguments));
        } else if (key == "options") {
            if (!item.is_object()) return type_error(item, path + ".options", "map[string]interface {}");
            if (!item.empty()) out.options = item.dump();
        } else if (key == "path" || key == "runtimeType") {
            if (!item.is_string()) return type_error(item, path + "." + key, "string");
            (key == "path" ? out.path : out.type) = item.get<std::string>();
        }
    }
    return out;
}

Result<> runtimes_from_json(Config& config, const json& value) {
    if (!value.is_object()) return type_error(value, "runtimes", "map[string]system.Runtime");
    for (const auto& [name, item] : value.items()) {
        BERTH_TRY(config.runtimes[name], runtime_from(item, "runtimes." + name));
    }
    return {};
}

std::string runtimes_text(const Config& config) {
    Strings out;
    for (const auto& [name, runtime] : config.runtimes) out.push_back(name + "=" + runtime.path);
    return list_text(out);
}

// default-ulimits

const char* const kUlimitNames[] = {"core",    "cpu",      "data",   "fsize",      "locks",
                                    "memlock", "msgqueue", "nice",   "nofile",     "nproc",
                                    "rss",     "rtprio",   "rttime", "sigpending", "stack"};

Result<> ulimit_from_text(Config& config, const std::string& text) {
    auto equals = text.find('=');
    if (equals == std::string::npos) return invalid("invalid ulimit argument: " + text);
    types::Ulimit limit;
    limit.name = text.substr(0, equals);
    auto named = [&](const char* name) { return limit.name == name; };
    if (std::none_of(std::begin(kUlimitNames), std::end(kUlimitNames), named))
        return invalid("invalid ulimit type: " + limit.name);
    const std::string value = text.substr(equals + 1);
    auto colon = value.find(':');
    if (colon != std::string::npos && value.find(':', colon + 1) != std::string::npos) {
        return invalid("too many limit value arguments - " + value +
                       ", can only have up to two, `soft[:hard]`");
    }
    BERTH_TRY(limit.soft, parse_integer(value.substr(0, colon), kLeast, kMost));
    limit.hard = limit.soft;
    if (colon != std::string::npos) {
        BERTH_TRY(limit.hard, parse_integer(value.substr(colon + 1), kLeast, kMost));
    }
    if (limit.hard != -1 && limit.soft == -1)
        return invalid(
            fmt::format("ulimit soft limit must be less than or equal to hard limit: soft: -1 "
                        "(unlimited), hard: {}",
                        limit.hard));
    if (limit.hard != -1 && limit.soft > limit.hard)
        return invalid(fmt::format("ulimit soft limit must be less than or equal to hard limit: {} > {}",
                                   limit.soft, limit.hard));
    config.ulimits[limit.name] = limit;
    return {};
}

bool same_key(const std::string& key, std::string_view name) {
    return std::equal(key.begin(), key.end(), name.begin(), name.end(),
                      [](unsigned char a, unsigned char b) { return std::tolower(a) == std::tolower(b); });
}

Result<> ulimits_from_json(Config& config, const json& value) {
    if (!value.is_object()) return type_error(value, "default-ulimits", "map[string]*units.Ulimit");
    for (const auto& [name, item] : value.items()) {
        const std::string path = "default-ulimits." + name;
        if (!item.is_object()) return type_error(item, path, "units.Ulimit");
        types::Ulimit limit{name, 0, 0};
        for (const auto& [key, number] : item.items()) {
            const bool hard = same_key(key, "Hard");
            if (hard || same_key(key, "Soft")) {
                if (!number.is_number_integer()) return type_error(number, path + "." + key, "int64");
                (hard ? limit.hard : limit.soft) = number.get<std::int64_t>();
            } else if (same_key(key, "Name")) {
                if (!number.is_string()) return type_error(number, path + "." + key, "string");
                limit.name = number.get<std::string>();
            }
        }
        config.ulimits[name] = limit;
    }
    return {};
}

std::string ulimits_text(const Config& config) {
    Strings out;
    for (const auto& [name, limit] : config.ulimits)
        out.push_back(fmt::format("{}={}:{}", limit.name, limit.soft, limit.hard));
    return list_text(out);
}

// default-shm-size

Result<> shm_from_text(Config& config, const std::string& text) {
    BERTH_TRY(config.shm_size, parse_size(text, SizeUnits::kBinary));
    return {};
}

Result<> shm_from_json(Config& config, const json& value) {
    if (!value.is_string()) return invalid("invalid size: \"" + value.dump() + "\"");
    return shm_from_text(config, value.get<std::string>());
}

std::string shm_text(const Config& config) {
    return size_text(config.shm_size);
}

// features

Result<> feature_from_text(Config& config, const std::string& text) {
    auto equals = text.find('=');
    if (text.empty() || equals == 0) return invalid("invalid option name: " + text);
    bool on = true;
    if (equals != std::string::npos) {
        BERTH_TRY(on, parse_bool(text.substr(equals + 1)));
    }
    config.features[text.substr(0, equals)] = on;
    return {};
}

Result<> features_from_json(Config& config, const json& value) {
    if (!value.is_object()) return type_error(value, "features", "map[string]bool");
    for (const auto& [name, on] : value.items()) {
        if (!on.is_boolean()) return type_error(on, "features." + name, "bool");
        config.features[name] = on.get<bool>();
    }
    return {};
}

std::string features_text(const Config& config) {
    StringMap out;
    for (const auto& [name, on] : config.features) out[name] = on ? "true" : "false";
    return map_text(out);
}

// default-network-opts

Result<> network_option_from_text(Config& config, const std::string& text) {
    auto first = text.find('=');
    auto second = first == std::string::npos ? first : text.find('=', first + 1);
    if (second == std::string::npos)
        return invalid(
            fmt::format("invalid value \"{}\" for map option, should be root-key=key=value", text));
    config.network_options[text.substr(0, first)][text.substr(first + 1, second - first - 1)] =
        text.substr(second + 1);
    return {};
}

Result<> network_options_from_json(Config& config, const json& value) {
    if (!value.is_object()) return type_error(value, "default-network-opts", "map[string]map[string]string");
    for (const auto& [driver, pairs] : value.items()) {
        BERTH_CHECK(read_strings(pairs, "default-network-opts." + driver, config.network_options[driver]));
    }
    return {};
}

std::string network_options_text(const Config& config) {
    StringMap out;
    for (const auto& [driver, pairs] : config.network_options) out[driver] = map_text(pairs);
    return map_text(out);
}

// default-address-pools: "base=10.0.0.0/16,size=24" is kept as "10.0.0.0/16/24"

Result<> check_prefix(const std::string& text) {
    auto slash = text.find('/');
    auto wrong = [&](const char* why) {
        return invalid(fmt::format("netip.ParsePrefix(\"{}\"): {}", text, why));
    };
    if (slash == std::string::npos) return wrong("no '/'");
    const std::string address = text.substr(0, slash);
    const bool v4 = is_ipv4(address);
    if (!v4 && !is_ipv6(address)) return wrong("unable to parse IP");
    auto bits = parse_integer(text.substr(slash + 1), 0, v4 ? 32 : 128);
    if (!bits) return wrong("prefix length out of range");
    return {};
}

Result<> add_pool(Config& config, const std::string& base, std::int64_t size) {
    const std::int64_t length = std::stoll(base.substr(base.find('/') + 1));
    const std::int64_t most = base.find(':') == std::string::npos ? 32 : 128;
    if (size < length || size > most)
        return invalid(
            fmt::format("the default address pool {} cannot be cut into networks of size {}", base, size));
    config.address_pools.push_back(fmt::format("{}/{}", base, size));
    return {};
}

Result<> pool_from_text(Config& config, const std::string& text) {
    if (text.empty()) return invalid("EOF");
    std::string base;
    std::int64_t size = 0;
    std::istringstream pieces(text);
    for (std::string piece; std::getline(pieces, piece, ',');) {
        auto equals = piece.find('=');
        const std::string key = piece.substr(0, equals);
        if (equals == std::string::npos)
            return invalid(fmt::format("invalid field '{}' must be a key=value pair", piece));
        const std::string value = piece.substr(equals + 1);
        if (key == "base") {
            BERTH_CHECK(in(fmt::format("invalid base prefix \"{}\"", value), check_prefix(value)));
            base = value;
        } else if (key == "size") {
            auto parsed = parse_integer(value, 0, 128);
            if (!parsed)
                return invalid(
                    fmt::format("invalid size value: \"{}\" (must be integer): strconv.Atoi: parsing "
                                "\"{}\": invalid syntax",
                                text, value));
            size = *parsed;
        } else {
            return invalid(fmt::format("unexpected key '{}' in '{}'", key, piece));
        }
    }
    if (base.empty()) return invalid("the default address pool has no base: " + text);
    return add_pool(config, base, size);
}

Result<> pools_from_json(Config& config, const json& value) {
    if (!value.is_array()) return type_error(value, "default-address-pools", "[]*ipamutils.NetworkToSplit");
    for (const auto& item : value) {
        if (!item.is_object()) return type_error(item, "default-address-pools", "ipamutils.NetworkToSplit");
        const json base = item.value("base", json()), size = item.value("size", json());
        if (!base.is_string()) return type_error(base, "default-address-pools.base", "netip.Prefix");
        if (!size.is_null() && !size.is_number_integer())
            return type_error(size, "default-address-pools.size", "int");
        BERTH_CHECK(check_prefix(base.get<std::string>()));
        BERTH_CHECK(add_pool(config, base.get<std::string>(), size.is_null() ? 0 : size.get<std::int64_t>()));
    }
    return {};
}

std::string pools_text(const Config& config) {
    Strings out;
    for (const auto& pool : config.address_pools) {
        auto slash = pool.rfind('/');
        out.push_back("{" + pool.substr(0, slash) + " " + pool.substr(slash + 1) + "}");
    }
    return list_text(out);
}

// dns

Result<> dns_from_text(Config& config, const std::string& text) {
    std::istringstream pieces(text);
    for (std::string piece; std::getline(pieces, piece, ',');) {
        if (!is_ipv4(piece) && !is_ipv6(piece))
            return invalid("invalid string being converted to IP address: " + piece);
        config.dns.push_back(piece);
    }
    return {};
}

Result<> dns_from_json(Config& config, const json& value) {
    if (!value.is_array()) return type_error(value, "dns", "[]net.IP");
    for (const auto& item : value) {
        if (!item.is_string()) return type_error(item, "dns", "net.IP");
        BERTH_TRY(auto address, check_file_ip(item.get<std::string>()));
        if (!address.empty()) config.dns.push_back(std::move(address));
    }
    return {};
}

std::string dns_text(const Config& config) {
    return list_text(config.dns);
}

// host-gateway-ip: the key's older form, one address

Result<> gateway_from_text(Config&, const std::string&) {
    return invalid("unknown flag: --host-gateway-ip");
}

Result<> gateway_from_json(Config& config, const json& value) {
    if (!value.is_string()) return type_error(value, "host-gateway-ip", "net.IP");
    BERTH_TRY(auto address, check_file_ip(value.get<std::string>()));
    if (!address.empty()) config.host_gateway_ips = {address};
    return {};
}

// builder

Result<> builder_from_json(Config& config, const json& value) {
    if (!value.is_object()) return type_error(value, "builder", "config.BuilderConfig");
    const json gc = value.value("gc", json::object());
    if (!gc.is_object()) return type_error(gc, "builder.gc", "config.BuilderGCConfig");
    const json enabled = gc.value("enabled", json());
    if (!enabled.is_null() && !enabled.is_boolean()) return type_error(enabled, "builder.gc.enabled", "bool");
    if (!value.empty()) config.builder = value.dump();
    return {};
}

// Keys that dockerd knows from older versions and passes over.

Result<> no_text(Config&, const std::string&) {
    return {};
}
Result<> any_json(Config&, const json&) {
    return {};
}
std::string no_value(const Config&) {
    return "";
}

}  // namespace

const Special kRuntimes{runtime_from_text, runtimes_from_json, runtimes_text};
const Special kUlimits{ulimit_from_text, ulimits_from_json, ulimits_text};
const Special kShmSize{shm_from_text, shm_from_json, shm_text};
const Special kFeatures{feature_from_text, features_from_json, features_text};
const Special kNetworkOptions{network_option_from_text, network_options_from_json, network_options_text};
const Special kAddressPools{pool_from_text, pools_from_json, pools_text};
const Special kDnsServers{dns_from_text, dns_from_json, dns_text};
const Special kHostGatewayIp{gateway_from_text, gateway_from_json, no_value};
const Special kBuilder{no_text, builder_from_json, no_value};
const Special kIgnoredKey{no_text, any_json, no_value};

}  // namespace berth::daemon
