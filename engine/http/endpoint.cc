#include <charconv>

#include "engine/http/client.h"

namespace berth::http {

Result<Endpoint> Endpoint::parse(std::string_view url) {
    auto wrong = [&] {
        return fail(ErrorKind::kInvalidArgument, "unable to parse docker host `" + std::string(url) + "`");
    };
    auto mark = url.find("://");
    if (mark == std::string_view::npos) return wrong();
    const auto scheme = url.substr(0, mark);
    auto rest = url.substr(mark + 3);
    Endpoint out;
    if (scheme == "unix") {
        if (rest.empty()) return wrong();
        out.path = std::string(rest);
        return out;
    }
    if (scheme == "https") {
        out.kind = Kind::kTls;
    } else if (scheme == "http" || scheme == "tcp") {
        out.kind = Kind::kTcp;
    } else {
        return wrong();
    }
    out.port = scheme == "https" ? 443 : scheme == "http" ? 80 : 2375;
    rest = rest.substr(0, rest.find('/'));
    auto colon = rest.rfind(':');
    if (rest.starts_with('[')) {
        auto end = rest.find(']');
        if (end == std::string_view::npos) return wrong();
        out.host = std::string(rest.substr(1, end - 1));
        if (colon != std::string_view::npos && colon < end) colon = std::string_view::npos;
    } else {
        out.host = std::string(rest.substr(0, colon));
    }
    if (out.host.empty()) return wrong();
    if (colon != std::string_view::npos) {
        const char* end = rest.data() + rest.size();
        auto [last, error] = std::from_chars(rest.data() + colon + 1, end, out.port);
        if (error != std::errc() || last != end || out.port == 0) return wrong();
    }
    return out;
}

}  // namespace berth::http
