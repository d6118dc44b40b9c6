#include "cli/commands/port_option.h"

#include <fmt/format.h>

#include <charconv>

namespace berth::cli {

namespace {

struct Range {
    int first = 0, last = 0;
    int size() const { return last - first + 1; }
};

Result<Range> range(const std::string& text, const char* what) {
    auto bad = [&] { return fail(ErrorKind::kInvalidArgument, fmt::format("invalid {}: {}", what, text)); };
    auto number = [](std::string_view part, int& value) {
        auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), value);
        return error == std::errc() && end == part.data() + part.size() && value >= 0 && value <= 65535;
    };
    auto dash = text.find('-');
    Range out;
    if (!number(std::string_view(text).substr(0, dash), out.first)) return bad();
    out.last = out.first;
    if (dash != std::string::npos && !number(std::string_view(text).substr(dash + 1), out.last)) return bad();
    if (out.last < out.first) return bad();
    return out;
}

Result<std::string> protocol(std::string& text) {
    auto slash = text.find('/');
    if (slash == std::string::npos) return std::string("tcp");
    std::string name = text.substr(slash + 1);
    text.resize(slash);
    if (name != "tcp" && name != "udp" && name != "sctp") {
        return fail(ErrorKind::kInvalidArgument, "invalid proto: " + name);
    }
    return name;
}

}  // namespace

Result<std::vector<PublishedPort>> published_ports(const std::string& option) {
    std::string text = option, ip, host;
    BERTH_TRY(std::string proto, protocol(text));
    auto last = text.rfind(':');
    std::string container = last == std::string::npos ? text : text.substr(last + 1);
    if (last != std::string::npos) {
        std::string rest = text.substr(0, last);
        auto colon = rest.rfind(':');
        host = colon == std::string::npos ? rest : rest.substr(colon + 1);
        if (colon != std::string::npos) ip = rest.substr(0, colon);
    }
    if (ip.size() > 1 && ip.front() == '[' && ip.back() == ']') ip = ip.substr(1, ip.size() - 2);
    if (container.empty())
        return fail(ErrorKind::kInvalidArgument, "no port specified: " + option + "<empty>");
    BERTH_TRY(Range inner, range(container, "containerPort"));
    std::vector<PublishedPort> out;
    if (host.empty()) {
        for (int port = inner.first; port <= inner.last; ++port)
            out.push_back({fmt::format("{}/{}", port, proto), ip, ""});
        return out;
    }
    BERTH_TRY(Range outer, range(host, "hostPort"));
    if (outer.size() != inner.size() && inner.size() != 1) {
        return fail(ErrorKind::kInvalidArgument,
                    "invalid ranges specified for container and host Ports: " + container + " and " + host);
    }
    for (int i = 0; i < inner.size(); ++i) {
        // One container port and a range of host ports: the engine picks one of them.
        std::string port = inner.size() == 1 && outer.size() > 1 ? host : std::to_string(outer.first + i);
        out.push_back({fmt::format("{}/{}", inner.first + i, proto), ip, port});
    }
    return out;
}

Result<std::vector<std::string>> exposed_ports(const std::string& option) {
    std::string text = option;
    if (text.find(':') != std::string::npos) {
        return fail(ErrorKind::kInvalidArgument, "invalid port format for --expose: " + option);
    }
    BERTH_TRY(std::string proto, protocol(text));
    BERTH_TRY(Range ports, range(text, "range format for --expose"));
    std::vector<std::string> out;
    for (int port = ports.first; port <= ports.last; ++port) out.push_back(fmt::format("{}/{}", port, proto));
    return out;
}

}  // namespace berth::cli
