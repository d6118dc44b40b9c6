#include <fmt/format.h>

#include <limits>
#include <nlohmann/json.hpp>
#include <type_traits>

#include "engine/daemon/option_values.h"
#include "engine/daemon/options.h"

namespace berth::daemon {

namespace {

using nlohmann::json;

template <class T>
using Range = std::numeric_limits<T>;

// Puts text into one field of the configuration.
struct FromText {
    Config& config;
    const std::string& text;

    Result<> operator()(bool Config::* field) const {
        BERTH_TRY(config.*field, parse_bool(text));
        return {};
    }
    Result<> operator()(std::optional<bool> Config::* field) const {
        BERTH_TRY(config.*field, parse_bool(text));
        return {};
    }
    Result<> operator()(int Config::* field) const {
        BERTH_TRY(auto number, parse_integer(text, Range<int>::min(), Range<int>::max()));
        config.*field = static_cast<int>(number);
        return {};
    }
    Result<> operator()(std::int64_t Config::* field) const {
        BERTH_TRY(config.*field, parse_integer(text, Range<std::int64_t>::min(), Range<std::int64_t>::max()));
        return {};
    }
    Result<> operator()(std::string Config::* field) const {
        config.*field = text;
        return {};
    }
    Result<> operator()(std::string Proxies::* field) const {
        config.proxies.*field = text;
        return {};
    }
    Result<> operator()(Strings Config::* field) const {
        (config.*field).push_back(text);
        return {};
    }
    Result<> operator()(StringMap Config::* field) const {
        auto equals = text.find('=');
        (config.*field)[text.substr(0, equals)] = equals == std::string::npos ? "" : text.substr(equals + 1);
        return {};
    }
    Result<> operator()(const Special* special) const { return special->from_text(config, text); }
};

struct FromJson {
    Config& config;
    const std::string key;
    bool address;  // a text that Go reads as an address
    const json& value;

    template <class Field>
    Result<> set_bool(Field& field) const {
        if (!value.is_boolean()) return type_error(value, key, "bool");
        field = value.get<bool>();
        return {};
    }
    template <class T>
    Result<> set_number(T& field, std::string_view type) const {
        if (!value.is_number_integer()) return type_error(value, key, type);
        auto number = parse_integer(value.dump(), Range<T>::min(), Range<T>::max());
        if (!number) return type_error(value, key, type);
        if (*number != 0 || config.zeros) field = static_cast<T>(*number);
        return {};
    }
    Result<> set_text(std::string& field) const {
        if (!value.is_string()) return type_error(value, key, address ? "net.IP" : "string");
        auto text = value.get<std::string>();
        if (address) BERTH_CHECK(check_file_ip(text));
        if (!text.empty()) field = std::move(text);
        return {};
    }

    Result<> operator()(bool Config::* field) const { return set_bool(config.*field); }
    Result<> operator()(std::optional<bool> Config::* field) const { return set_bool(config.*field); }
    Result<> operator()(int Config::* field) const { return set_number(config.*field, "int"); }
    Result<> operator()(std::int64_t Config::* field) const { return set_number(config.*field, "int64"); }
    Result<> operator()(std::string Config::* field) const { return set_text(config.*field); }
    Result<> operator()(std::string Proxies::* field) const { return set_text(config.proxies.*field); }
    Result<> operator()(Strings Config::* field) const { return read_strings(value, key, config.*field); }
    Result<> operator()(StringMap Config::* field) const { return read_strings(value, key, config.*field); }
    Result<> operator()(const Special* special) const { return special->from_json(config, value); }
};

struct AsText {
    const Config& config;

    std::string operator()(bool Config::* field) const { return config.*field ? "true" : "false"; }
    std::string operator()(std::optional<bool> Config::* field) const {
        return (config.*field).value_or(false) ? "true" : "false";
    }
    std::string operator()(int Config::* field) const { return std::to_string(config.*field); }
    std::string operator()(std::int64_t Config::* field) const { return std::to_string(config.*field); }
    std::string operator()(std::string Config::* field) const { return config.*field; }
    std::string operator()(std::string Proxies::* field) const { return config.proxies.*field; }
    std::string operator()(Strings Config::* field) const { return list_text(config.*field); }
    std::string operator()(StringMap Config::* field) const { return map_text(config.*field); }
    std::string operator()(const Special* special) const { return special->text(config); }
};

}  // namespace

Result<> set_option(Config& config, const Option& option, const std::string& text) {
    Result<std::string> checked = option.check != nullptr ? option.check(text) : Result<std::string>(text);
    Result<> set = checked ? std::visit(FromText{config, *checked}, option.target)
                           : Result<>(Failure(std::move(checked.error())));
    if (set) return set;
    const std::string names = option.letter != 0 ? fmt::format("-{}, --{}", option.letter, option.flag)
                                                 : fmt::format("--{}", option.flag);
    return invalid(
        fmt::format("invalid argument \"{}\" for \"{}\" flag: {}", text, names, set.error().message));
}

Result<> set_option(Config& config, const Option& option, const json& value) {
    if (value.is_null()) return {};
    return std::visit(FromJson{config, std::string(option.key), option.kind == "ip", value}, option.target);
}

std::string option_text(const Config& config, const Option& option) {
    return std::visit(AsText{config}, option.target);
}

}  // namespace berth::daemon
