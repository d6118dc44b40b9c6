#include "engine/daemon/hosts.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "engine/daemon/option_values.h"

namespace berth::daemon {

namespace {

constexpr const char* kDefaultSocket = "unix:///run/berth/berth.sock";

std::string trim(std::string text) {
    auto blank = [](char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; };
    while (!text.empty() && blank(text.front())) text.erase(0, 1);
    while (!text.empty() && blank(text.back())) text.pop_back();
    return text;
}

// "host:port", "[::1]:port", "host", ":port", "".
Result<std::string> parse_tcp(const std::string& address) {
    std::string rest = address.starts_with("tcp://") ? address.substr(6) : address;
    const std::string url = "tcp://" + rest;
    auto wrong = [&](const std::string& why) {
        return invalid(fmt::format("invalid bind address ({}): {}", address, why));
    };
    if (rest.find_first_of("/?#") != std::string::npos) return wrong("should not contain a path element");
    std::string host = rest, port;
    auto colon = rest.find(':', rest.starts_with('[') ? rest.find(']') : 0);
    if (rest.starts_with('[') && rest.find(']') == std::string::npos)
        return wrong(fmt::format("parse \"{}\": missing ']' in host", url));
    if (colon != std::string::npos) {
        host = rest.substr(0, colon);
        port = rest.substr(colon + 1);
        if (port.find_first_not_of("0123456789") != std::string::npos)
            return wrong(fmt::format("parse \"{}\": invalid port \":{}\" after host", url, port));
    }
    unsigned short number = 2375;
    if (!port.empty()) {
        auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
        if (error != std::errc() || number == 0) return wrong("invalid port: " + port);
    }
    return fmt::format("tcp://{}:{}", host.empty() ? "localhost" : host, number);
}

}  // namespace

Result<std::string> parse_host(const std::string& text, const std::string& unix_default) {
    const std::string address = trim(text);
    if (address.empty()) return unix_default;
    auto mark = address.find("://");
    const std::string protocol = mark == std::string::npos ? "tcp" : address.substr(0, mark);
    if (protocol == "tcp") return parse_tcp(address);
    if (protocol == "fd") return address;
    if (protocol != "unix" && protocol != "npipe")
        return invalid(fmt::format("invalid bind address ({}): unsupported proto '{}'", address, protocol));
    const std::string path = address.substr(mark + 3);
    if (path.find("://") != std::string::npos)
        return invalid(
            fmt::format("invalid bind address ({}): invalid {} address: {}", address, protocol, path));
    return path.empty() && protocol == "unix" ? unix_default : address;
}

Result<std::vector<std::string>> normalize_hosts(const std::vector<std::string>& hosts) {
    std::vector<std::string> out;
    for (const auto& host : hosts) {
        BERTH_TRY(auto parsed, parse_host(host, kDefaultSocket));
        out.push_back(std::move(parsed));
    }
    if (out.empty()) out.emplace_back(kDefaultSocket);
    std::sort(out.begin(), out.end());
    out.erase(std::unique(out.begin(), out.end()), out.end());
    return out;
}

}  // namespace berth::daemon
