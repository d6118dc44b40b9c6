#include "engine/http/proxy.h"

#include <cstdlib>

#include "engine/base/base64.h"
#include "engine/http/subnet.h"
#include "engine/http/url.h"

namespace berth::http {

namespace {

std::string variable(const char* capitals, const char* small) {
    for (const char* name : {capitals, small}) {
        const char* value = std::getenv(name);
        if (value != nullptr && *value != '\0') return value;
    }
    return {};
}

std::string lower(std::string text) {
    for (char& c : text) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    }
    return text;
}

bool is_loopback(const std::string& host) {
    if (host == "localhost") return true;
    const auto address = Address::parse(host);
    return address && address->is_loopback();
}

bool matches_domain(const std::string& host, std::string rule) {
    if (rule.starts_with("*.")) rule.erase(0, 1);
    if (rule.starts_with('.')) return host.ends_with(rule);
    return host == rule || host.ends_with("." + rule);
}

// One entry of the exclusions.
bool matches(std::string rule, const std::string& host, unsigned short port) {
    if (rule == "*") return true;
    if (auto subnet = Subnet::parse(rule)) {
        const auto address = Address::parse(host);
        return address && subnet->contains(*address);
    }
    const auto colon = rule.rfind(':');
    const bool bare_v6 = rule.find(':') != colon && !rule.starts_with('[');
    if (colon != std::string::npos && !bare_v6 && rule.find(']', colon) == std::string::npos) {
        if (rule.substr(colon + 1) != std::to_string(port)) return false;
        rule.resize(colon);
    }
    if (rule.starts_with('[') && rule.ends_with(']')) rule = rule.substr(1, rule.size() - 2);
    if (rule.empty()) return false;
    if (auto wanted = Address::parse(rule)) {
        const auto address = Address::parse(host);
        return address && *address == *wanted;
    }
    return matches_domain(host, rule);
}

bool is_excluded(const std::string& exclude, const std::string& host, unsigned short port) {
    for (std::size_t at = 0; at < exclude.size();) {
        const auto end = std::min(exclude.find(',', at), exclude.size());
        std::string rule = lower(exclude.substr(at, end - at));
        at = end + 1;
        const auto first = rule.find_first_not_of(" \t");
        if (first == std::string::npos) continue;
        rule = rule.substr(first, rule.find_last_not_of(" \t") - first + 1);
        if (matches(rule, host, port)) return true;
    }
    return false;
}

}  // namespace

ProxySettings ProxySettings::from_environment() {
    return {variable("HTTP_PROXY", "http_proxy"), variable("HTTPS_PROXY", "https_proxy"),
            variable("NO_PROXY", "no_proxy")};
}

Result<std::optional<Proxy>> proxy_for(const ProxySettings& settings, const Endpoint& target) {
    if (target.kind == Endpoint::Kind::kUnix) return std::optional<Proxy>();
    std::string url = target.kind == Endpoint::Kind::kTls ? settings.https : settings.http;
    const std::string host = lower(target.host);
    if (url.empty() || is_loopback(host) || is_excluded(settings.exclude, host, target.port))
        return std::optional<Proxy>();
    if (url.find("://") == std::string::npos) url = "http://" + url;
    Proxy proxy;
    const auto start = url.find("://") + 3;
    const auto at = url.substr(0, url.find('/', start)).rfind('@');
    if (at != std::string::npos && at >= start) {
        BERTH_TRY(const auto user, decode_path(url.substr(start, at - start)));
        proxy.authorization = "Basic " + to_base64(user.find(':') == std::string::npos ? user + ":" : user);
        url.erase(start, at + 1 - start);
    }
    auto endpoint = Endpoint::parse(url);
    if (!endpoint || endpoint->kind == Endpoint::Kind::kUnix)
        return fail(ErrorKind::kInvalidArgument, "invalid proxy address \"" + url + "\"");
    proxy.endpoint = std::move(*endpoint);
    return std::optional<Proxy>(std::move(proxy));
}

}  // namespace berth::http
