#include "engine/daemon/option_values.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <nlohmann/json.hpp>

#include "engine/daemon/hosts.h"

namespace berth::daemon {

Failure invalid(std::string message) {
    return fail(ErrorKind::kInvalidArgument, std::move(message));
}

Result<bool> parse_bool(const std::string& text) {
    for (std::string_view yes : {"1", "t", "T", "true", "TRUE", "True"}) {
        if (text == yes) return true;
    }
    for (std::string_view no : {"0", "f", "F", "false", "FALSE", "False"}) {
        if (text == no) return false;
    }
    return invalid(fmt::format("strconv.ParseBool: parsing \"{}\": invalid syntax", text));
}

Result<std::int64_t> parse_integer(const std::string& text, std::int64_t least, std::int64_t most) {
    std::int64_t out = 0;
    const char* end = text.data() + text.size();
    auto [rest, error] = std::from_chars(text.data(), end, out);
    const bool too_big = error == std::errc::result_out_of_range && rest == end;
    if (too_big || (error == std::errc() && rest == end && (out < least || out > most)))
        return invalid(fmt::format("strconv.ParseInt: parsing \"{}\": value out of range", text));
    if (error == std::errc() && rest == end) return out;
    return invalid(fmt::format("strconv.ParseInt: parsing \"{}\": invalid syntax", text));
}

bool is_ipv4(const std::string& text) {
    in_addr address;
    return ::inet_pton(AF_INET, text.c_str(), &address) == 1;
}
bool is_ipv6(const std::string& text) {
    in6_addr address;
    return ::inet_pton(AF_INET6, text.c_str(), &address) == 1;
}

Result<std::string> check_ip(const std::string& text) {
    if (text.empty() || is_ipv4(text) || is_ipv6(text)) return text;
    return invalid(fmt::format("failed to parse IP: \"{}\"", text));
}

Result<std::string> check_file_ip(const std::string& text) {
    if (text.empty() || is_ipv4(text) || is_ipv6(text)) return text;
    return invalid("invalid IP address: " + text);
}

Result<std::string> check_gateway_ip(const std::string& text) {
    if (is_ipv4(text) || is_ipv6(text)) return text;
    return invalid(fmt::format("ParseAddr(\"{}\"): unable to parse IP", text));
}

// A name of letters, digits, hyphens and underscores between dots, with a letter in it.
Result<std::string> check_dns_search(const std::string& text) {
    std::string name = text;
    while (name.starts_with(' ')) name.erase(0, 1);
    while (name.ends_with(' ')) name.pop_back();
    if (name == ".") return name;
    auto wrong = [&] { return invalid(name + " is not a valid domain"); };
    auto letter = [](unsigned char c) { return std::isalpha(c) != 0; };
    if (std::none_of(name.begin(), name.end(), letter) || name.size() >= 255) return wrong();
    std::string rest = name.ends_with('.') ? name.substr(0, name.size() - 1) : name;
    for (;;) {
        auto dot = rest.find('.');
        const std::string label = rest.substr(0, dot);
        auto fits = [](unsigned char c) { return std::isalnum(c) != 0 || c == '-' || c == '_'; };
        if (label.empty() || label.front() == '-' || label.back() == '-' ||
            !std::all_of(label.begin(), label.end(), fits))
            return wrong();
        if (dot == std::string::npos) return name;
        rest.erase(0, dot + 1);
    }
}

Result<std::string> check_host(const std::string& text) {
    BERTH_CHECK(parse_host(text, "unix:///"));
    return text;
}

Result<std::string> check_label(const std::string& text) {
    if (text.find('=') == std::string::npos) return invalid("bad attribute format: " + text);
    std::string lower = text;
    std::transform(lower.begin(), lower.end(), lower.begin(),
                   [](unsigned char c) { return std::tolower(c); });
    for (std::string_view reserved : {"com.docker.", "io.docker.", "org.dockerproject."}) {
        if (!lower.starts_with(reserved)) continue;
        return invalid(
            fmt::format("label {} is not allowed: the namespaces com.docker.*, io.docker.*, and "
                        "org.dockerproject.* are reserved for internal use",
                        text));
    }
    return text;
}

Result<std::string> check_mirror(const std::string& text) {
    constexpr std::string_view kSchemes = "must use either 'https://' or 'http://'";
    auto mark = text.find("://");
    if (mark == std::string::npos || mark == 0)
        return invalid(fmt::format("invalid mirror: no scheme specified for \"{}\": {}", text, kSchemes));
    const std::string scheme = text.substr(0, mark), rest = text.substr(mark + 3);
    if (scheme != "http" && scheme != "https")
        return invalid(
            fmt::format("invalid mirror: unsupported scheme \"{}\" in \"{}\": {}", scheme, text, kSchemes));
    if (rest.find_first_of("?#") != std::string::npos)
        return invalid(fmt::format("invalid mirror: query or fragment at end of the URI \"{}\"", text));
    const std::string host = rest.substr(0, rest.find('/'));
    if (auto at = host.rfind('@'); at != std::string::npos) {
        const std::string user = host.substr(0, host.find_first_of(":@"));
        return invalid(
            fmt::format("invalid mirror: username/password not allowed in URI \"{}://{}:xxxxx@{}\"", scheme,
                        user, rest.substr(at + 1)));
    }
    if (host.empty() || rest.find_first_of(" \t\r\n") != std::string::npos)
        return invalid(fmt::format("invalid mirror: \"{}\" is not a valid URI", text));
    return text.ends_with('/') ? text : text + "/";
}

Result<std::string> check_index_name(const std::string& text) {
    if (text.starts_with('-') || text.ends_with('-'))
        return invalid(fmt::format("invalid index name ({}). Cannot begin or end with a hyphen", text));
    return text == "index.docker.io" ? std::string("docker.io") : text;
}

Result<std::string> check_generic_resource(const std::string& text) {
    if (text.find('=') != std::string::npos) return text;
    return invalid(fmt::format("invalid node-generic-resource format `{}` expected `name=value`", text));
}

Failure type_error(const nlohmann::json& value, const std::string& path, std::string_view type) {
    std::string kind = value.is_boolean() ? "bool" : value.type_name();
    if (value.is_number() && type.starts_with("int")) kind += " " + value.dump();
    return invalid(
        fmt::format("json: cannot unmarshal {} into Go struct field Config.{} of type {}", kind, path, type));
}

Result<> read_strings(const nlohmann::json& object, const std::string& path,
                      std::map<std::string, std::string>& out) {
    if (!object.is_object()) return type_error(object, path, "map[string]string");
    for (const auto& [name, value] : object.items()) {
        if (!value.is_string()) return type_error(value, path + "." + name, "string");
        out[name] = value.get<std::string>();
    }
    return {};
}

Result<> read_strings(const nlohmann::json& array, const std::string& path, std::vector<std::string>& out) {
    if (!array.is_array()) return type_error(array, path, "[]string");
    for (const auto& value : array) {
        if (!value.is_string()) return type_error(value, path, "string");
        out.push_back(value.get<std::string>());
    }
    return {};
}

std::string map_text(const std::map<std::string, std::string>& map) {
    std::string out;
    for (const auto& [name, value] : map) out += (out.empty() ? "" : " ") + name + ":" + value;
    return "map[" + out + "]";
}

std::string list_text(const std::vector<std::string>& list) {
    return fmt::format("[{}]", fmt::join(list, " "));
}

}  // namespace berth::daemon
