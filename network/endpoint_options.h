#pragma once

#include <map>
#include <string>
#include <vector>

#include "engine/base/result.h"

// What a user may say about one endpoint by driver options.
namespace berth::network {

namespace option {
inline constexpr const char* kEndpointSysctls = "com.docker.network.endpoint.sysctls";
inline constexpr const char* kEndpointInterface = "com.docker.network.endpoint.ifname";
}  // namespace option

// What is wrong with the sysctls at first sight, in Docker's words.
std::vector<std::string> check_endpoint_options(const std::map<std::string, std::string>& options);

// "net.ipv4.conf.IFNAME.log_martians=1,…" as "net/ipv4/conf/INTERFACE/log_martians=1": paths of settings of
// that one interface, whatever the text says. `veth` is for error texts.
Result<std::vector<std::string>> interface_sysctls(const std::map<std::string, std::string>& options,
                                                   const std::string& interface, const std::string& veth);

// The name that is asked for, "" for any. `taken` are those of the other interfaces.
Result<std::string> wanted_interface(const std::map<std::string, std::string>& options,
                                     const std::vector<std::string>& taken, const std::string& veth);

// Writes them in the calling thread's namespace.
Result<> apply_sysctls(const std::vector<std::string>& sysctls, const std::string& veth);

}  // namespace berth::network
