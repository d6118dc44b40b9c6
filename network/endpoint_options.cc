#include "network/endpoint_options.h"

#include <fmt/format.h>
#include <net/if.h>

#include <algorithm>
#include <array>

#include "engine/base/files.h"
#include "network/bridge_settings.h"

namespace berth::network {
namespace {

std::vector<std::string> split(std::string_view text, char separator, std::size_t most = SIZE_MAX) {
    std::vector<std::string> parts;
    for (;;) {
        const auto end = parts.size() + 1 < most ? text.find(separator) : std::string_view::npos;
        parts.emplace_back(text.substr(0, end));
        if (end == std::string_view::npos) return parts;
        text.remove_prefix(end + 1);
    }
}

std::vector<std::string> listed_sysctls(const std::map<std::string, std::string>& options) {
    const auto found = options.find(option::kEndpointSysctls);
    if (found == options.end()) return {};
    return split(found->second, ',');
}

// One name in a folder, never a way out of it.
bool is_plain(const std::string& part) {
    return !part.empty() && std::all_of(part.begin(), part.end(), [](unsigned char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
               c == '-';
    });
}

Failure cannot_add(const std::string& veth, const std::string& why) {
    return fail(ErrorKind::kInternal, fmt::format("failed to add interface {} to sandbox: {}", veth, why));
}

Result<std::string> path_of(const std::string& sysctl, const std::string& interface,
                            const std::string& veth) {
    const auto equals = sysctl.find('=');
    if (equals == std::string::npos)
        return cannot_add(veth, fmt::format("expected sysctl '{}' to have format name=value", sysctl));
    const auto parts = split(sysctl.substr(0, equals), '.');
    if (parts.size() != 5 || parts[0] != "net" || !is_plain(parts[1]) || !is_plain(parts[2]) ||
        !is_plain(parts[4]))
        return cannot_add(veth, fmt::format("expected sysctl '{}' to have format net.X.Y.IFNAME.Z", sysctl));
    return fmt::format("net/{}/{}/{}/{}{}", parts[1], parts[2], interface, parts[4], sysctl.substr(equals));
}

}  // namespace

std::vector<std::string> check_endpoint_options(const std::map<std::string, std::string>& options) {
    constexpr std::array<std::string_view, 3> kFamilies{"ipv4", "ipv6", "mpls"};
    std::vector<std::string> errors;
    for (const auto& sysctl : listed_sysctls(options)) {
        const auto parts = split(sysctl, '.', 5);
        // The docker CLI writes options in lower case.
        const bool known = parts.size() == 5 &&
                           std::count(kFamilies.begin(), kFamilies.end(), parts[1]) > 0 &&
                           (parts[3] == "IFNAME" || parts[3] == "ifname");
        if (!known)
            errors.push_back(
                fmt::format("unrecognised network interface sysctl '{}'; represent 'net.X.Y.ethN.Z=V' as "
                            "'net.X.Y.IFNAME.Z=V', 'X' must be 'ipv4', 'ipv6' or 'mpls'",
                            sysctl));
    }
    return errors;
}

Result<std::vector<std::string>> interface_sysctls(const std::map<std::string, std::string>& options,
                                                   const std::string& interface, const std::string& veth) {
    std::vector<std::string> paths;
    for (const auto& sysctl : listed_sysctls(options)) {
        BERTH_TRY(auto path, path_of(sysctl, interface, veth));
        paths.push_back(std::move(path));
    }
    return paths;
}

Result<std::string> wanted_interface(const std::map<std::string, std::string>& options,
                                     const std::vector<std::string>& taken, const std::string& veth) {
    const auto found = options.find(option::kEndpointInterface);
    if (found == options.end() || found->second.empty()) return std::string();
    const auto& name = found->second;
    const auto refuse = [&](const char* why) {
        return cannot_add(veth,
                          fmt::format("error renaming interface \"{}\" to \"{}\": {}", veth, name, why));
    };
    if (name.size() >= IFNAMSIZ) return refuse("numerical result out of range");
    if (!is_interface_name(name)) return refuse("invalid argument");
    if (name == "lo" || std::find(taken.begin(), taken.end(), name) != taken.end())
        return refuse("file exists");
    return name;
}

Result<> apply_sysctls(const std::vector<std::string>& sysctls, const std::string& veth) {
    for (const auto& sysctl : sysctls) {
        const auto equals = sysctl.find('=');
        const auto path = "/proc/sys/" + sysctl.substr(0, equals);
        if (!exists(path)) return cannot_add(veth, path + " is not a sysctl file");
        if (auto written = write_file(path, sysctl.substr(equals + 1)); !written)
            return cannot_add(veth, written.error().message);
    }
    return {};
}

}  // namespace berth::network
